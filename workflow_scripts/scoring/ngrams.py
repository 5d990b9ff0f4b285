"""Languages by their character n-grams: multinomial naive Bayes, by scikit-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from workflow_scripts.scoring.identifier import Identify

Counts = Mapping[str, int]
"""How often each n-gram stands in the text of a language."""

CUT = {"analyzer": "char_wb", "ngram_range": (1, 4)}
"""n-grams of up to four characters within words, their edges included, in lower case."""
FREQUENT = 3000
"""n-grams that each language brings to the vocabulary: its most frequent ones."""


def count(texts: Mapping[str, Iterable[str]]) -> dict[str, dict[str, int]]:
    """Counts of n-grams by language, of those that are among the `FREQUENT` most frequent of any of `texts`.

    Of n-grams that are equally frequent the first in code point order are taken: the same text gives the same counts.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    analyze = CountVectorizer(**CUT).build_analyzer()
    counts: dict[str, Counter[str]] = {}
    for code, lines in texts.items():
        counts[code] = Counter()
        for line in lines:
            # A word's edge alone tells nothing.
            counts[code].update(ngram for ngram in analyze(line) if ngram.strip())
    vocabulary = sorted({ngram for found in counts.values() for ngram in _most_frequent(found)})
    return {code: {ngram: found[ngram] for ngram in vocabulary if found[ngram]} for code, found in counts.items()}


def classifier(counts: Mapping[str, Counts]) -> Identify:
    """Tells languages by `counts`: that with the highest probability of a line's n-grams, all being as likely before.

    Every n-gram counts once more than it was found (Laplace). A line without a known n-gram, or of which two languages
    are equally likely, is undetermined.
    """
    import numpy as np
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    features, codes = DictVectorizer(), list(counts)
    model = MultinomialNB(fit_prior=False).fit(features.fit_transform(counts.values()), np.arange(len(codes)))
    vectorizer = CountVectorizer(**CUT, vocabulary=features.vocabulary_)

    def identify(lines: Sequence[str]) -> list[str | None]:
        if not lines:
            return []
        likelihoods = model.predict_joint_log_proba(vectorizer.transform(lines))
        best = likelihoods.max(axis=1)
        alone = (likelihoods == best[:, None]).sum(axis=1) == 1
        places = likelihoods.argmax(axis=1)
        return [codes[place] if single else None for place, single in zip(places, alone, strict=True)]

    return identify


def _most_frequent(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda ngram: (-counts[ngram], ngram))[:FREQUENT]
