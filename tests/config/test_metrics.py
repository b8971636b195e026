"""The metrics: one list, one meaning each, one text."""

from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.metrics import ACCEPTED, JOURNAL_OLDEST, METRICS, OVERDUE, Definition, Sample, render


def test_every_metric_has_a_name_of_ours_a_meaning_and_a_type_that_its_name_tells() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r"priemnaya_[a-z_]+", metric.name)
        assert metric.help
        assert metric.name.endswith("_total") == (metric.type == "counter")


def test_every_definition_of_the_module_is_in_the_list() -> None:
    import config.metrics

    assert {value for value in vars(config.metrics).values() if isinstance(value, Definition)} == set(METRICS)


def test_samples_come_out_as_prometheus_reads_them() -> None:
    text = render(
        [
            Sample(ACCEPTED, 3, ("email", "pochta")),
            Sample(ACCEPTED, 4, ("telegram", 'a"b\n\\c')),
            Sample(JOURNAL_OLDEST, 0.25),
        ]
    )
    found = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found == {
        ("priemnaya_accepted_total", frozenset({("channel", "email"), ("account", "pochta")})): 3,
        ("priemnaya_accepted_total", frozenset({("channel", "telegram"), ("account", 'a"b\n\\c')})): 4,
        ("priemnaya_journal_oldest_seconds", frozenset()): 0.25,
    }
    assert "# TYPE priemnaya_accepted_total counter" in text


def test_every_metric_is_explained_even_when_nothing_happened() -> None:
    text = render([])
    for metric in METRICS:
        assert f"# HELP {metric.name} " in text


def test_an_unknown_metric_or_other_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="no metric of ours"):
        render([Sample(Definition("priemnaya_x", "gauge", "x"), 1)])
    with pytest.raises(ValueError, match="has the labels desk"):
        render([Sample(OVERDUE, 1)])
