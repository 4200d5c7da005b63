"""A nightly reading list of efficient vision-language papers."""
