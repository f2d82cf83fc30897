"""Each row of the server's trust model (T30 to T46, F14 to F23) has tests that prove it, or says what it waits for."""

from __future__ import annotations

import ast
from functools import cache
from typing import TypeGuard

import pytest

from tests.architecture.source import ROOT

# Row: what proves it, by file below tests/; a file without names stands for all of its tests.
ROWS: dict[str, dict[str, tuple[str, ...]]] = {
    "T30": {
        "server/test_matrix.py": (),
        "server/test_sync.py": ("test_nobody_hears_of_or_pulls_another_team",),
        "server/test_streams.py": ("test_only_members_follow_a_run",),
        "unit/test_dispatch.py": ("test_a_stranger_finds_nothing_and_learns_nothing",),
        "unit/test_postgres.py": ("test_every_table_with_rows_of_teams_is_walled_even_from_its_owner",),
    },
    "T31": {
        "server/test_attacks.py": (
            "test_a_write_takes_no_field_of_any_row_that_is_not_its_own",
            "test_hidden_fields_change_nothing_that_is_stored",
        ),
    },
    "T32": {
        "server/test_attacks.py": (
            "test_of_thousands_of_wrong_passwords_no_more_than_the_limit_are_compared",
            "test_teams_read_of_wrong_passwords_of_their_members_and_of_nobody_elses",
        ),
        "server/test_browsers.py": ("test_too_many_wrong_passwords_are_refused_with_a_time_to_wait",),
        "unit/test_server_accounts.py": (
            "test_what_was_wrong_shows_neither_in_the_answer_nor_in_the_work",
            "test_more_than_3000_common_passwords_of_that_length_are_known",
        ),
        "unit/test_throttle.py": ("test_what_many_try_together_never_gets_further_than_the_limit",),
    },
    "T33": {
        "unit/test_sessions.py": (),
        "server/test_attacks.py": (
            "test_a_session_revoked_at_one_server_ends_its_streams_at_another_within_five_seconds",
        ),
        "server/test_streams.py": ("test_whoever_signs_out_reads_no_further_at_once",),
        "server/test_browsers.py": ("test_no_token_is_stored_or_told_in_the_address",),
        "unit/test_server_accounts.py": ("test_no_password_token_or_hash_reaches_disk_log_feed_audit_or_answer",),
    },
    "T34": {
        "server/test_browsers.py": (
            "test_a_write_with_a_cookie_needs_the_pages_own_token",
            "test_no_other_site_signs_a_browser_in",
        ),
        "server/test_http.py": (
            "test_only_pages_of_the_configured_origin_may_read_answers",
            "test_a_server_answers_only_under_its_own_names",
        ),
        "server/test_pages.py": ("test_the_policy_holds_and_a_breach_of_it_is_seen",),
    },
    "T35": {
        "server/test_streams.py": (
            "test_a_removed_member_reads_no_further",
            "test_one_person_follows_only_so_many_streams",
            "test_a_reader_who_takes_nothing_is_let_go",
        ),
        "server/test_http.py": ("test_the_access_log_tells_no_query_and_no_token",),
    },
    "T36": {
        "unit/test_throttle.py": (
            "test_codes_are_guessed_at_most_a_hundred_times_an_hour_by_all_and_ten_times_a_minute_by_one",
        ),
        "unit/test_invites.py": (
            "test_of_many_who_use_one_code_at_once_one_gets_in",
            "test_a_code_is_shown_once_and_stored_nowhere",
            "test_whatever_is_wrong_with_a_code_the_answer_is_the_same",
        ),
    },
    "T37": {
        "unit/test_server_config.py": ("test_a_wrong_variable_is_named",),
    },
    "T38": {
        "server/test_schema.py": (),
        "architecture/test_lint.py": (),
        "unit/test_store.py": ("test_text_is_kept_literally_and_found_by_itself",),
    },
    "T39": {
        "server/test_attacks.py": (
            "test_an_address_is_believed_from_a_trusted_proxy_only",
            "test_other_headers_say_nothing_and_a_new_address_for_each_try_helps_nobody",
        ),
        "server/test_http.py": ("test_only_a_trusted_proxy_says_on_whose_behalf_it_asks",),
    },
    "T40": {
        "unit/test_audit.py": (
            "test_a_thousand_random_tampers_are_noticed",
            "test_nothing_in_an_export_steers_a_terminal_or_breaks_a_line",
        ),
        "unit/test_dispatch.py": ("test_every_write_leaves_exactly_one_audit_event",),
    },
    "T42": {
        "server/test_attacks.py": (
            "test_crafted_bodies_are_refused_and_leave_no_memory_behind",
            "test_no_list_is_longer_than_a_page",
        ),
        "server/test_http.py": ("test_a_body_without_a_length_is_counted_while_it_comes",),
        "unit/test_server_accounts.py": ("test_a_text_of_nothing_but_accents_stops_nobody",),
    },
    "T43": {
        "server/test_attacks_agents.py": (
            "test_two_machines_with_one_token_are_both_silenced_until_an_administrator_decides",
            "test_an_agents_token_opens_nothing_else_and_the_team_reads_of_it",
            "test_a_new_token_ends_the_former_and_a_revoked_one_ends_at_once",
        ),
    },
    "T44": {
        "server/test_attacks_agents.py": (
            "test_what_is_no_heartbeat_is_refused_and_changes_nothing",
            "test_what_is_no_number_or_too_long_is_refused",
        ),
    },
    "F14": {
        "server/test_lost_hosts.py": ("test_of_fifty_that_claim_one_run_one_gets_it",),
    },
    "F15": {
        "server/test_lost_hosts.py": (
            "test_on_one_host_a_dead_process_frees_its_lease_at_once",
            "test_another_hosts_lease_counts_as_long_as_it_is_renewed",
        ),
    },
    "F17": {
        "server/test_faults.py": ("test_readers_of_a_server_that_is_killed_again_and_again_lose_and_double_nothing",),
        "server/test_process.py": ("test_killed_in_mid_stream_nothing_is_lost_or_doubled",),
    },
    "F19": {
        "server/test_faults.py": (
            "test_while_postgresql_restarts_requests_say_when_to_come_back_and_nothing_is_half_done",
        ),
        "unit/test_postgres_faults.py": ("test_after_each_crash_under_load_whatever_was_acknowledged_is_there",),
        "unit/test_postgres.py": ("test_two_that_wait_for_each_other_both_succeed_and_each_is_counted_once",),
    },
    "F20": {
        "server/test_faults.py": (
            "test_when_the_servers_clock_jumps_order_chain_and_devices_stay",
            "test_what_a_client_says_of_the_time_decides_nothing",
        ),
        "server/test_attacks_agents.py": ("test_a_server_that_was_away_itself_takes_nobody_for_silent",),
        "server/test_lost_hosts.py": ("test_a_clock_that_is_wrong_ends_no_lease",),
    },
    "T46": {
        "unit/test_server_client_evil.py": (),
        "unit/test_follower.py": (
            "test_a_row_of_another_team_is_refused_with_its_page",
            "test_what_cannot_be_a_row_is_refused_with_its_page",
            "test_a_home_cannot_rename_the_person_of_this_computer",
            "test_a_command_of_an_account_stays_where_it_was_typed",
        ),
    },
    "F16": {
        "unit/test_follower.py": ("test_a_cut_line_is_told_and_mended_by_itself",),
        "unit/test_outbox.py": ("test_what_waited_is_sent_in_order_and_once", "test_edits_wait_through_a_restart"),
        "drills/test_two_desktops.py": (),
    },
    "F18": {
        "unit/test_server_client.py": ("test_each_of_two_hundred_writes_is_carried_out_once_though_answers_get_lost",),
        "unit/test_outbox.py": ("test_an_edit_whose_answer_was_lost_is_carried_out_once",),
    },
    "F21": {
        "unit/test_outbox.py": (
            "test_edits_of_two_fields_by_two_people_merge",
            "test_of_two_who_edit_one_field_the_home_wins_and_the_other_text_is_kept",
        ),
        "model/test_replicas.py": (),
    },
    "F22": {
        "unit/test_server_client.py": (
            "test_a_request_that_comes_several_times_is_carried_out_once",
            "test_old_requests_that_come_after_newer_ones_change_nothing",
        ),
        "model/test_replicas.py": (),
    },
    "F23": {
        "unit/test_outbox.py": (
            "test_a_restored_home_gets_again_what_it_had_accepted",
            "test_what_a_restored_home_does_not_know_is_shown",
        ),
        "server/test_copies.py": (),
        "model/test_replicas.py": (),
    },
}

FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef

# What is still to be proved, and what that waits for.
LATER = {
    "T41": "integrations with GitHub are an area of their own",
    "T45": "nothing commands an agent yet; restarting services comes with the agent",
}


@cache
def names_in(path: str) -> frozenset[str]:
    """The names of the tests in a file; none when there is no such file."""
    file = ROOT / "tests" / path
    if not file.is_file():
        return frozenset()
    body = ast.parse(file.read_text("utf-8"), path).body
    functions = {node.name for node in body if isinstance(node, FUNCTION)}
    # Where a library makes the test, it is assigned.
    assigned = {node.targets[0].id for node in body if isinstance(node, ast.Assign) and is_name(node.targets[0])}
    return frozenset(name for name in functions | assigned if name.startswith(("test_", "Test")))


def is_name(node: ast.expr) -> TypeGuard[ast.Name]:
    """Whether it is a plain name."""
    return isinstance(node, ast.Name)


def missing(path: str, names: tuple[str, ...]) -> set[str]:
    """What a row names and is not there; the file itself when it has no test at all."""
    return set(names) - names_in(path) if names_in(path) else {path}


def test_every_row_is_proved_or_waits_for_something() -> None:
    wanted = {f"T{number}" for number in range(30, 47)} | {f"F{number}" for number in range(14, 24)}
    assert {*ROWS, *LATER} == wanted
    assert len(ROWS) + len(LATER) == len(wanted)


@pytest.mark.parametrize("row", ROWS)
def test_what_proves_a_row_is_there(row: str) -> None:
    assert set().union(*(missing(path, names) for path, names in ROWS[row].items())) == set()


@pytest.mark.parametrize("row", ROWS)
def test_a_proof_names_its_row(row: str) -> None:
    """Whoever changes the file learns what hangs on it."""
    assert any(row in (ROOT / "tests" / path).read_text("utf-8") for path in ROWS[row]), f"{row} in none of its files"


def test_a_proof_that_is_gone_is_noticed() -> None:
    gone = "test_of_something_that_nobody_wrote"
    assert missing("server/test_attacks.py", (gone,)) == {gone}
    assert missing("server/test_of_nothing.py", ()) == {"server/test_of_nothing.py"}
