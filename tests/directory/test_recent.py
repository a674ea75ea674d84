"""What was found is remembered for some seconds, and nothing that was looked for before a change."""

from time import monotonic

from gqlreports.directory.recent import SECONDS, Recent


def test_it_is_remembered_until_it_is_too_old() -> None:
    recent: Recent[str] = Recent()
    recent.put("new", "found", monotonic())
    recent.put("old", "found", monotonic() - SECONDS)
    assert [recent.get(name) for name in ("new", "old", "other")] == ["found", None, None]


def test_a_look_up_that_began_before_a_change_is_forgotten() -> None:
    recent: Recent[str] = Recent()
    asked_at = monotonic()
    recent.put("before", "found", asked_at)
    recent.clear()
    recent.put("during", "found", asked_at)
    assert [recent.get(name) for name in ("before", "during")] == [None, None]
    recent.put("behind", "found", monotonic() + 1e-6)
    assert recent.get("behind") == "found"
