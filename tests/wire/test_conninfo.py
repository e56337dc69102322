"""Connection strings that a driver would read otherwise than they were meant are found before it does."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from wire.conninfo import is_plain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host=h port=5432 user=u password='my secret' dbname=d",
        "host=h password=it's@home/50%",
        "host=/run/postgresql dbname=d",
        "host=@abstract",
        "host=a,b port=1,2",
        "host=a,b port=5432",
        "hostaddr=10.0.0.1,fe80::1%eth0",
        "postgresql://u:p@h/d",
        "postgres://u:50%25off@h:5432/d?sslmode=require&options=-c%20a%3Db",
        "postgresql://u:a?b#c@h/d",
        "postgresql://u@a:1,b:2/d?application_name=x@y",
        "postgresql://u:p%40ss%2Fword@[::1]:5432/d",
        "postgresql:///d?host=/tmp",
        "postgresql://",
        "service=prod",
    ],
)
def test_what_says_what_was_meant(text: str) -> None:
    assert is_plain(text, conninfo_to_dict)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:50%off@h/d",
        "host=h password=my secret",
        "host=h password='it's secret'",
        "postgres:/u:hunter2@h/d",
        "https://u:hunter2@h/d",
        "postgresql://u:pa@ss@h/d",
        "postgresql://u:pa@ss/word@h/d",
        "postgresql://u:pa/ss@h/d",
        "postgresql://u:12/ss@h/d",
        "postgresql://u:pa/ss?w@h/d",
        "POSTGRESQL://u:pa@ss@h/d",
        "host=h port=hunter2",
        "host=a@b",
        "host='a b'",
        "host=h password=a\0b",
        "host=h password=\udcff",
    ],
)
def test_what_a_driver_would_quote_a_piece_of(text: str) -> None:
    assert not is_plain(text, conninfo_to_dict)
