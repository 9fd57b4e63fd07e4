"""What is built, when, and how it is searched, as numbers in and numbers out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from searchengine.errors import InputError
from searchengine.index import plan as index_plan
from searchengine.index.plan import force_plan, given_plan, next_step, plan_index
from searchengine.index.settings import setting_among, setting_for, shortlist_size
from searchengine.index.types import IndexFacts, IndexPlan, Modality, Setting, Step, TunedSetting

MILLION = 1_000_000


def _facts(rows: int = 200_000, *, memory: int | None = None, listed: int = 0) -> IndexFacts:
    plan = force_plan(rows, 512, memory)
    assert plan is not None
    assert plan.bytes is not None
    return IndexFacts(plan, rows, listed or rows, plan.bytes, build_seconds=1.0)


def _step(rows: int, dead: int, facts: IndexFacts | None) -> Step:
    return next_step(rows, dead, 512, facts)[0]


def test_plan_is_a_pure_function_of_size() -> None:
    assert plan_index(999, 512) is None
    assert plan_index(MILLION, 512) == IndexPlan(
        "IVF4096,PQ64np",
        cells=4096,
        training_rows=163_840,
        rows=MILLION,
        dim=512,
        bytes=72 * MILLION + (4096 + 256) * 512 * 4,
        memory=None,
        forced=False,
    )
    plan = plan_index(100_000, 256)
    assert plan is not None
    assert (plan.factory, plan.training_rows) == ("IVF1024,PQ32np", 40_960)


@pytest.mark.parametrize(
    ("d", "codes"), [(4, 1), (10, 2), (77, 11), (256, 32), (511, 73), (512, 64), (768, 96)]
)
def test_codes_divide_the_width(d: int, codes: int) -> None:
    plan = plan_index(100_000, d)
    assert plan is not None
    assert plan.factory.endswith(f",PQ{codes}np")


@pytest.mark.parametrize(
    ("memory", "codes"), [(100_000_000, 64), (50_000_000, 32), (20_000_000, 2), (18_000_000, 1)]
)
def test_a_memory_limit_makes_codes_smaller(memory: int, codes: int) -> None:
    plan = plan_index(MILLION, 512, memory)
    assert plan is not None
    assert plan.factory == f"IVF4096,PQ{codes}np"
    assert plan.memory == memory
    assert plan.bytes is not None
    assert plan.bytes <= memory


def test_no_index_takes_so_little() -> None:
    with pytest.raises(InputError, match=r"1,000,000 vectors takes 17.9 MB .* 5.0 MB of --memory"):
        plan_index(MILLION, 512, 5_000_000)


def test_a_given_factory() -> None:
    plan = given_plan("OPQ16,IVF100,PQ16np", 5_000, 64)
    assert (plan.cells, plan.training_rows, plan.forced) == (100, 5_000, True)
    for wrong in ("HNSW32", "IVF", "IVF0,Flat", "PQ8"):
        with pytest.raises(InputError, match="not an inverted file"):
            given_plan(wrong, 5_000, 64)
    with pytest.raises(InputError, match=r"takes 8,192 vectors to train on, and there are 5,000"):
        given_plan("IVF8192,Flat", 5_000, 64)


def test_when_to_build_and_when_to_add() -> None:
    n = index_plan.EXACT_BELOW
    assert _step(n - 1, 0, None) is Step.NOTHING
    assert _step(n + 5, 6, None) is Step.NOTHING
    assert _step(n, 0, None) is Step.BUILD
    facts = _facts(200_000)
    assert _step(200_000, 0, facts) is Step.NOTHING
    assert _step(202_000, 0, facts) is Step.NOTHING
    assert _step(203_000, 0, facts) is Step.ADD
    assert _step(399_999, 0, facts) is Step.ADD
    assert _step(400_000, 0, facts) is Step.BUILD
    assert _step(200_000, 40_000, facts) is Step.NOTHING
    assert _step(200_000, 40_001, facts) is Step.BUILD


def test_rows_that_died_before_the_build_do_not_count_again() -> None:
    facts = replace(_facts(200_000), covered=300_000)
    assert _step(300_000, 100_000, facts) is Step.NOTHING
    assert _step(300_000, 140_001, facts) is Step.BUILD


def test_an_index_that_outgrows_its_memory_is_built_anew() -> None:
    facts = _facts(200_000, memory=21_000_000)
    assert facts.plan.factory.endswith("PQ64np")
    assert _step(210_000, 0, facts) is Step.ADD
    step, plan = next_step(260_000, 0, 512, facts)
    assert step is Step.BUILD
    assert plan is not None
    assert (plan.factory, plan.memory) == ("IVF2048,PQ32np", 21_000_000)


def test_what_is_asked_for_is_built_once() -> None:
    facts = _facts(200_000)
    step, plan = next_step(200_000, 0, 512, facts, factory="IVF64,PQ32np")
    assert (step, plan and plan.factory) == (Step.BUILD, "IVF64,PQ32np")
    assert plan is not None
    forced = replace(facts, plan=plan)
    assert next_step(200_000, 0, 512, forced, factory="IVF64,PQ32np") == (Step.NOTHING, None)
    step, plan = next_step(400_000, 0, 512, forced)
    assert (step, plan and plan.factory) == (Step.BUILD, "IVF64,PQ32np"), "it stays of its kind"
    step, plan = next_step(200_000, 0, 512, facts, memory=10_000_000)
    assert (step, plan and plan.factory) == (Step.BUILD, "IVF2048,PQ16np")
    assert next_step(200_000, 0, 512, _facts(memory=10**9), memory=10**9)[0] is Step.NOTHING


def _tuned(nprobe: int, shortlist: int) -> TunedSetting:
    return TunedSetting(nprobe, shortlist, 10, 0.95, 0.96, 1.0, 2.0, 500, "captions", 200_000)


def test_settings_go_by_modality_and_mixed_queries_take_the_harder() -> None:
    untuned = _facts(MILLION)
    assert {setting_for(untuned, m) for m in (*Modality, None)} == {Setting(256, 1_000)}
    facts = replace(untuned, text=_tuned(300, 800), image=_tuned(40, 2_000))
    assert setting_for(facts, Modality.TEXT) == Setting(300, 800)
    assert setting_for(facts, Modality.IMAGE) == Setting(40, 2_000)
    assert setting_for(facts, None) == Setting(300, 2_000)
    assert setting_for(replace(facts, text=None), Modality.TEXT) == Setting(256, 1_000)


def test_fewer_rows_to_find_take_more_cells() -> None:
    def probes(passing: int) -> int:
        return setting_among(Setting(160, 1_000), 4_096, 1_000_000, passing).nprobe

    assert probes(1_000_000) == 160
    assert probes(900_000) == 178, "rows that died are no filter"
    assert probes(800_000) == 256, "50,000 of 800,000"
    assert probes(500_000) == 410
    assert probes(200_000) == 1_024
    assert probes(50_000) == probes(10) == 4_096
    assert probes(0) == 160


def test_a_filter_takes_a_longer_shortlist() -> None:
    assert setting_among(Setting(4, 100), 1_024, 1_000, 900).shortlist == 100
    assert setting_among(Setting(4, 100), 1_024, 1_000, 100).shortlist == 500
    assert setting_among(Setting(4, 2_000), 1_024, 1_000, 100).shortlist == 2_000


def test_the_shortlist_grows_with_the_page() -> None:
    assert shortlist_size(Setting(16, 500), 10) == 500
    assert shortlist_size(Setting(16, 500), 100) == 1_000
