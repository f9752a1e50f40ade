from bench.ledger.samples import Sample, Samples, best_of, median_ratio, take_turns


def test_ratios_are_taken_within_a_round() -> None:
    """A machine that is ten times slower in one round changes no ratio of it."""
    assert median_ratio([200, 20, 220], [100, 10, 100]) == 2


def test_the_reference_is_the_better_of_each_round() -> None:
    first, second = ([Sample(per_second=rate) for rate in rates] for rates in ((1, 5), (2, 4)))

    assert best_of(first, second) == [2, 5]


def test_loads_take_turns_and_see_what_came_before() -> None:
    def half(samples: Samples) -> Sample:
        return Sample(per_second=samples["full"][-1].per_second / 2)

    rates = iter((100, 40))
    samples = take_turns(
        {"full": lambda _: Sample(per_second=next(rates)), "half": half},
        rounds=2,
        report=lambda _: None,
    )

    assert [sample.per_second for sample in samples["half"]] == [50, 20]
