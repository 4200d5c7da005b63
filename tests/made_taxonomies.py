"""Taxonomies of other fields and in other languages, with papers about their labels. All texts are made for these tests."""

from __future__ import annotations

from typing import NamedTuple

GERMAN = """\
version: 1
parents:
  - {id: boden, name: Boden, definition: Was unter den Pflanzen liegt.}
  - {id: pflanzen, name: Pflanzen, definition: Was im Garten wächst.}
labels:
  - {id: boden/entwaesserung, name: Entwässerung, definition: "Gräben und Rohre leiten das Wasser aus nassen Wiesen ab.", aliases: [Dränage]}
  - {id: boden/mulch, name: Mulchen, definition: "Eine Decke aus Stroh oder Rinde hält die Erde feucht.", aliases: [Bodendecke]}
  - {id: pflanzen/veredelung, name: Veredelung, definition: "Der Zweig eines Baumes wächst auf dem Stamm eines anderen.", aliases: [Pfropfen]}
  - {id: pflanzen/bewaesserung, name: Bewässerung, definition: "Wasser wird mit Kanne, Schlauch oder Regner gegeben.", aliases: [Gießen]}
"""

KOREAN = """\
version: 1
parents:
  - {id: soil, name: 토양, definition: 식물 아래에 있는 것.}
  - {id: plants, name: 식물, definition: 정원에서 자라는 것.}
labels:
  - {id: soil/drainage, name: 배수, definition: 도랑과 배관으로 젖은 땅의 물을 빼낸다., aliases: [물빼기]}
  - {id: soil/mulch, name: 멀칭, definition: 짚이나 나무껍질로 흙을 덮어 수분을 유지한다., aliases: [바닥덮기]}
  - {id: plants/grafting, name: 접목, definition: 한 나무의 가지를 다른 나무의 줄기에 붙여 키운다., aliases: [접붙이기]}
"""

CHINESE = """\
version: 1
parents:
  - {id: soil, name: 土壤, definition: 植物下面的东西。}
  - {id: plants, name: 植物, definition: 花园里生长的东西。}
labels:
  - {id: soil/drainage, name: 排水, definition: 用沟渠和管道把湿地里的水排走。, aliases: [排涝]}
  - {id: soil/mulch, name: 覆盖, definition: 用稻草或树皮覆盖地面保持水分。, aliases: [地膜]}
  - {id: plants/grafting, name: 嫁接, definition: 一棵树的枝条长在另一棵树的树干上。, aliases: [芽接]}
"""


class AboutLabel(NamedTuple):
    """A made paper, and the label it is about; None when it is about none."""

    taxonomy: str
    title: str
    abstract: str
    label: str | None


PAPERS = (
    AboutLabel(GERMAN, "Entwässerungsgräben für nasse Wiesen", "Wir vergleichen Rohre und Gräben, die das Wasser ableiten.", "boden/entwaesserung"),
    AboutLabel(GERMAN, "Strohdecken im Gemüsegarten", "Das Mulchen mit Rinde und Stroh hält die Erde länger feucht.", "boden/mulch"),
    AboutLabel(GERMAN, "Pfropfen alter Apfelsorten", "Ein Zweig wird auf den Stamm eines jungen Baumes gesetzt; die Veredelung gelingt im Frühjahr.", "pflanzen/veredelung"),
    AboutLabel(GERMAN, "Regner oder Kanne?", "Die Bewässerung mit dem Schlauch braucht mehr Wasser als das Gießen mit der Kanne.", "pflanzen/bewaesserung"),
    AboutLabel(GERMAN, "Die Farben alter Zimmer", "Wir betrachten Tapeten und die Farben von Möbeln.", None),
    AboutLabel(KOREAN, "젖은 땅의 배수를 위한 도랑", "우리는 배관을 묻어 물을 빼내는 방법을 비교한다.", "soil/drainage"),
    AboutLabel(KOREAN, "짚으로 하는 멀칭의 효과", "나무껍질과 짚으로 흙을 덮으면 수분이 오래 유지된다.", "soil/mulch"),
    AboutLabel(KOREAN, "사과나무의 접목", "어린 나무의 줄기에 오래된 나무의 가지를 붙여 접붙이기를 한다.", "plants/grafting"),
    AboutLabel(KOREAN, "방의 색깔", "우리는 벽지와 가구의 색깔을 살펴본다.", None),
    AboutLabel(CHINESE, "湿地排水沟渠的设计", "我们比较了用管道把水排走的方法。", "soil/drainage"),
    AboutLabel(CHINESE, "稻草覆盖对菜园的作用", "用树皮和稻草覆盖地面，可以保持水分。", "soil/mulch"),
    AboutLabel(CHINESE, "苹果树的嫁接", "把老树的枝条接在小树的树干上，芽接在春天进行。", "plants/grafting"),
    AboutLabel(CHINESE, "房间的颜色", "我们研究墙纸和家具的颜色。", None),
)  # fmt: skip
