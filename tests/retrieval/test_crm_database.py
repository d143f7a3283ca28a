"""An address that is wrong is never repeated: a password may stand in it."""

import pytest
from psycopg import OperationalError

from retrieval.crm import CrmError
from retrieval.crm.database import connect, connector, translation


@pytest.mark.parametrize(
    "dsn",
    [
        "mysql://ann:canary@crm/sales",
        "postgresql://ann:canary two@crm/sales",
        "postgresql://ann:canary%zz@crm/sales",
        "host=127.0.0.1 port=canary",
        "password='canary",
    ],
)
def test_no_part_of_an_address_is_said(dsn: str) -> None:
    with pytest.raises(CrmError) as caught, connect(dsn):
        pass
    assert "canary" not in str(caught.value)


def test_a_password_that_is_taken_for_a_host_is_not_said() -> None:
    error = OperationalError("failed to resolve host 'canary': [Errno -2] Name or service not known")
    assert str(translation(error)).endswith(
        "(failed to resolve host …: [Errno -2] Name or service not known)."
    )


def test_what_reads_no_other_database_says_so() -> None:
    with pytest.raises(CrmError, match="a PostgreSQL") as caught:
        connector("mysql://ann:canary@crm/sales", "test")
    assert "canary" not in str(caught.value)


def test_a_server_that_does_not_listen_is_named() -> None:
    with pytest.raises(CrmError, match=r"127\.0\.0\.1"), connect("postgresql://ann:canary@127.0.0.1:1/sales"):
        pass
