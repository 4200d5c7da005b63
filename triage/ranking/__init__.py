"""The learned ranker: what a person's decisions teach beyond the cues.

    trained = training.train(examples, cues_version)       # needs the extra `learn` (scikit-learn)
    ranker = trained.ranker                                # plain coefficients, kept as JSON; needs nothing
    ranker.score(screening_score, features(title, abstract, cues))

The cues stay the foundation: the ranker is a correction of their score, in log-odds, and with no evidence it
corrects nothing. It is used only where cross-validation on the person's own decisions says that it orders
better than the cues alone.
"""

from __future__ import annotations

from triage.ranking.features import FEATURES_VERSION, features
from triage.ranking.ranker import Example, Figures, Ranker, Trained, log_odds

__all__ = ["FEATURES_VERSION", "Example", "Figures", "Ranker", "Trained", "features", "log_odds"]
