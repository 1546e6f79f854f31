"""The lines of a file are the records, as they are; of an OpenSearch bulk file those that are no actions."""

from __future__ import annotations

import socket

import pytest

from cli.http import bound
from cli.produce import records_in
from core.errors import SettingsError


def test_lines_are_sent_as_they_are_also_wrong_and_empty_ones() -> None:
    assert list(records_in([b'{"a":1} \n', b"\n", b"wrong\r\n", b"last"])) == [b'{"a":1} ', b"", b"wrong\r", b"last"]


def test_an_empty_file_has_no_records() -> None:
    assert list(records_in([])) == []


def test_a_bulk_file_loses_its_actions_and_empty_lines() -> None:
    lines = [b'{"index": {"_id": "1"}}\n', b'{"a":1}\n', b"\n", b'{"create": {}}\n', b"wrong\n"]
    assert list(records_in(lines)) == [b'{"a":1}', b"wrong"]


def test_a_record_that_looks_like_an_action_stays_in_a_file_that_begins_otherwise() -> None:
    assert list(records_in([b'{"a":1}\n', b'{"index": {"_id": "1"}}\n'])) == [b'{"a":1}', b'{"index": {"_id": "1"}}']


def test_a_taken_port_is_an_error_where_it_matters_and_else_another_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"ASSAY_HTTP_PORT.*{port}"):
            bound("127.0.0.1", port, port_matters=True)
        with bound("127.0.0.1", port, port_matters=False) as other:
            assert other.getsockname()[1] != port


def test_a_host_that_is_not_ours_is_an_error_that_names_its_variable() -> None:
    with pytest.raises(SettingsError, match="ASSAY_HTTP_HOST"):
        bound("192.0.2.1", 0, port_matters=False)
