"""Kinds of faults that must not come back, and the tests that hold each of them, by name."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

KINDS: dict[str, dict[str, tuple[str, ...]]] = {
    "a changed copy keeps derived data": {
        "test_instance": (
            "test_changed_copies_are_fresh",
            "test_changed_copies_are_checked",
            "test_a_record_that_was_tampered_with_is_no_part_of_another",
            "test_scaled_columns_do_not_follow_from_each_other",
            "test_columns_are_not_those_of_others",
            "test_nothing_that_is_copied_holds_what_is_derived",
            "test_replace",
        ),
        "test_sweep": ("test_keys_follow_the_data",),
    },
    "suffixes and writers change the problem": {
        "test_export": (
            "test_hints_change_no_byte",
            "test_exports_are_in_the_models_units",
            "test_unknown_suffixes_are_refused",
            "test_what_no_file_says_is_refused",
            "test_domains_with_gaps_are_refused",
            "test_a_constant_that_is_no_number_is_named",
            "test_wrongly_fixed_variables_are_named",
            "test_a_models_name_is_of_no_account",
        ),
        "test_ampl": (
            "test_our_commands_pass_over_hints",
            "test_our_commands_refuse_other_suffixes",
            "test_our_commands_read_the_whole_header",
            "test_both_lists_of_hints_are_one",
        ),
    },
    "what a zip holds is believed": {
        "test_bundle": (
            "test_loose_bundles_are_refused",
            "test_manifests_are_read_with_care",
            "test_false_claims_are_found_whatever_digests_say",
            "test_claims_that_cannot_be_true_are_found_by_proof",
            "test_damaged_zips",
            "test_bombs_and_links",
        ),
    },
    "a model's data are not its instance's": {
        "test_changed_models": (
            "test_a_param_that_was_changed_alone_is_refused",
            "test_the_total_frequency_is_data_too",
            "test_an_updated_model_is_a_new_one",
            "test_an_updated_model_is_solved_as_the_new_instance",
            "test_an_update_keeps_what_a_user_has_added",
            "test_an_instance_that_does_not_fit",
            "test_a_foreign_model_is_refused",
        ),
    },
    "infeasible, unbounded and optimal are believed": {
        "test_changed_models": (
            "test_late_latencies_are_not_infeasible",
            "test_a_hundredth_of_the_band_is_not_infeasible",
            "test_a_local_solver_proves_no_infeasibility",
            "test_a_row_of_whole_numbers_is_not_infeasible",
            "test_what_interval_arithmetic_refutes_is_infeasible",
            "test_scip_may_say_infeasible_within_bounds_that_follow_from_rows",
            "test_false_claims_of_executables",
            "test_claims_about_a_changed_model",
            "test_a_plan_that_fits_contradicts_a_claim",
            "test_a_bound_within_bounds_that_may_cut_off_is_withdrawn",
            "test_a_binding_horizon_decides_nothing",
            "test_an_impossible_deadline_is_infeasible",
        ),
        "test_ampl": ("test_claims_are_told_apart", "test_options_that_loosen_void_the_bound"),
        "test_backends": ("test_unbounded_is_said", "test_highs_counts_what_its_gap_passes_over"),
    },
    "claims in files are believed": {
        "test_claimed": (
            "test_honest_results_pass",
            "test_honest_results_of_hostile_instances_pass",
            "test_honest_results_without_an_answer_pass",
            "test_results_of_a_users_own_model_pass",
            "test_documents_of_old_are_read",
            "test_documents_of_old_count_no_restriction",
            "test_restricted_problems_have_many_solvers",
            "test_forged_results_are_noticed",
            "test_sentences_have_both_numbers",
            "test_every_value_is_checked",
            "test_an_allocation_alone_claims_nothing",
            "test_another_name_for_the_same_data_is_said",
            "test_no_problem_that_has_a_solution_is_called_infeasible",
            "test_the_tables_are_those_of_the_solvers",
            "test_a_store_is_not_believed",
            "test_forged_processes_are_noticed",
            "test_honest_processes_pass",
            "test_figures_check_documents_too",
            "test_the_page_runs",
            "test_the_code_of_a_sol_file_is_not_believed",
            "test_rows_of_a_users_own_may_be_infeasible",
        ),
        "test_exact_certificate": (
            "test_forged_certificates_are_refused",
            "test_claims_that_are_not_proven_are_status_4",
            "test_a_restriction_that_is_passed_off_is_not_proven",
            "test_what_is_written_is_proven_as_it_is_called",
            "test_a_result_is_proven",
            "test_a_false_result_is_not_proven",
        ),
        "test_certificate_tampered": (
            "test_both_checkers_prove_what_is_written",
            "test_what_was_tampered_with_proves_nothing_false",
        ),
        "test_certificate_limits": (
            "test_an_infeasible_result_is_proven",
            "test_an_infeasible_result_needs_a_proof",
            "test_a_certificate_of_another_objective_says_nothing_of_a_result",
            "test_certificates_of_old_know_no_limits",
        ),
    },
    "what was asked is dropped": {
        "test_ampl": (
            "test_executables_are_told_in_their_own_way",
            "test_options_are_names_and_values",
        ),
        "test_backends": (
            "test_options_reach_each_solver",
            "test_the_gap_is_passed_on",
            "test_options_that_loosen_void_what_scip_proves",
        ),
        "test_cli": ("test_options_of_a_solver", "test_mistakes_get_one_sentence"),
        "test_sweep": ("test_bad_input_is_refused_before_anything_runs",),
    },
    "what is not a row is not judged": {
        "test_changed_models": (
            "test_what_is_set_on_a_variable_holds",
            "test_solvers_of_mixed_integer_models_keep_it_too",
            "test_a_start_that_breaks_a_bound_is_refused",
            "test_a_small_bound_holds_in_itself",
            "test_a_users_constraint_is_kept",
            "test_a_variable_fixed_without_a_value_is_named",
            "test_a_point_beyond_a_restriction_is_an_error",
        ),
        "test_milp_soundness": (
            "test_bounds_and_fixings_count",
            "test_a_start_that_a_bound_excludes_counts_for_nothing",
        ),
    },
    "stores are stale": {
        "test_sweep": (
            "test_nothing_is_kept_unasked",
            "test_a_store_is_a_file_whatever_its_name",
            "test_rows_of_other_code_are_kept_and_not_taken",
            "test_the_key_is_the_same_in_every_process",
            "test_rows_of_another_executable_are_not_taken",
            "test_stores_of_the_old_layout_open",
            "test_a_worker_of_other_code_is_refused",
            "test_a_sweep_with_workers_of_other_code_ends",
        ),
    },
    "milp away from ordinary scales": {
        "test_milp_soundness": (
            "test_weights_and_bands",
            "test_moved_instances",
            "test_rows_that_a_point_satisfies",
            "test_no_point_is_lost_at_any_scale",
            "test_tangents_are_below_their_curves",
            "test_propagation_keeps_what_rows_allow",
            "test_propagation_of_integers_and_of_nothing",
            "test_any_multipliers_on_columns_without_ends",
            "test_the_tree_in_odd_units",
            "test_odd_models",
            "test_models_that_are_refused",
            "test_what_is_impossible_is_proven_so",
            "test_what_cannot_be_decided_is_a_limit",
        ),
    },
    "names collide": {
        "test_changed_models": (
            "test_a_component_may_have_any_name",
            "test_tightening_again_forgets_the_first_time",
            "test_a_model_changed_after_tightening_is_refused",
            "test_two_objectives_are_named",
        ),
    },
    "loose readings": {
        "test_evaluate": ("test_columns_are_read_strictly", "test_columns_of_all_kinds"),
        "test_instance": (
            "test_arrays_stay_read_only",
            "test_numbers_of_all_kinds",
            "test_tables_are_read_strictly",
            "test_frames_are_read_strictly",
        ),
        "test_training": (
            "test_wrong_channels",
            "test_frames_of_channels_are_read_strictly",
            "test_whole_numbers_of_numpy",
        ),
        "test_sweep": ("test_cells_cannot_be_changed", "test_every_cell_has_its_row"),
    },
    "plugins for Pyomo scripts": {
        "test_plugins": (
            "test_plugins_answer_in_the_models_own_terms",
            "test_plugins_claim_what_is_proven",
            "test_plugins_take_the_usual_keywords",
            "test_plugins_take_an_executable",
            "test_plugins_refuse_what_they_do_not_do",
            "test_plugins_refuse_two_objectives_and_starts_without_values",
            "test_plugins_load_solutions_only",
        ),
    },
    "nothing to cache in": {"test_ends": ("test_nothing_to_cache_in",)},
    "orphans": {"test_ends": ("test_an_ended_command_leaves_nothing_behind",)},
    "a limit without an answer": {
        "test_ends": (
            "test_a_solver_that_counts_cpu_time_is_asked_first",
            "test_a_point_that_is_off_by_a_little_is_rescued",
        ),
        "test_backends": (
            "test_bonmin_answers_where_it_died",
            "test_a_second_death_says_what_to_try",
            "test_maingo_answers_when_it_is_late",
            "test_incumbents_of_shot_outlive_it",
        ),
    },
    "scripts without a main guard, and workers": {
        "test_ends": (
            "test_a_script_without_a_main_guard",
            "test_a_sweep_inside_of_a_pool",
            "test_quotas_of_control_groups",
            "test_workers_follow_the_affinity",
        ),
    },
    "output is lost": {
        "test_said": (
            "test_output_survives_every_encoding",
            "test_a_result_is_written_before_it_is_printed",
            "test_closed_streams",
            "test_streams_are_left_as_they_were",
            "test_warnings_reach_a_person_once",
            "test_a_full_disk_loses_nothing",
            "test_an_answer_survives_the_file_of_its_certificate",
            "test_nothing_to_lose_on_a_full_disk",
            "test_a_store_that_takes_no_more",
            "test_a_solver_without_room_is_an_error_of_its_own",
        ),
    },
    "the wrong thing is blamed": {
        "test_said": (
            "test_tables_say_where",
            "test_gains_say_where",
            "test_sentences_begin_with_the_file",
            "test_a_pattern_over_all_files",
            "test_the_readme_runs_from_top_to_bottom",
        ),
    },
    "wrong kinds of arguments": {
        "test_said": (
            "test_wrong_kinds_of_arguments",
            "test_every_option_has_a_kind",
            "test_numpy_is_plain_in_and_out",
            "test_rounding_is_no_violation",
        ),
    },
    "what a person cannot read": {
        "test_said": (
            "test_bare_help_is_readable",
            "test_long_names_stay_apart",
            "test_names_of_all_languages_are_drawn",
            "test_users_that_are_left_out_are_said_where_they_are",
        ),
    },
    "tracebacks": {
        "test_said": (
            "test_options_of_wrong_types",
            "test_an_open_quote",
            "test_damaged_stores",
            "test_a_store_is_shared_by_threads",
            "test_a_clock_that_jumps",
        ),
        "test_fuzz": (
            "test_command_lines",
            "test_instances",
            "test_tables",
            "test_results",
            "test_the_checks_see",
        ),
        "test_export": ("test_rows_of_fixed_variables_are_named",),
    },
}

WHOLE = (
    "test_changed_models",
    "test_claimed",
    "test_ends",
    "test_fuzz",
    "test_milp_soundness",
    "test_said",
)
"""Files that are about these kinds alone, so that each of their tests belongs to one."""


@cache
def names_in(file: str) -> frozenset[str]:
    """Return the names of a file's tests."""
    tree = ast.parse((TESTS / f"{file}.py").read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_its_tests(kind: str) -> None:
    """Every test that the table names is there."""
    assert KINDS[kind]
    for file, names in KINDS[kind].items():
        assert names
        assert set(names) <= names_in(file), file


@pytest.mark.parametrize("file", WHOLE)
def test_the_table_is_complete(file: str) -> None:
    """No test of a file that is about kinds is without one, and none has two."""
    named = [name for files in KINDS.values() for name in files.get(file, ())]
    assert sorted(named) == sorted(names_in(file))
