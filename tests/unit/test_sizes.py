"""Sizes are shown in powers of two, with the unit that suits them."""

from __future__ import annotations

import pytest

from kprov.sizes import human_size


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "2 KiB"),
        (512 * 2**10, "512 KiB"),
        (2**20 - 1, "1.0 MiB"),
        (36_100_000, "34.4 MiB"),
        (3 * 2**29, "1.5 GiB"),
        (2**40, "1.0 TiB"),
        (2000 * 2**40, "2000.0 TiB"),
    ],
)
def test_a_size_has_the_largest_unit_that_it_reaches(count: int, text: str) -> None:
    assert human_size(count) == text
