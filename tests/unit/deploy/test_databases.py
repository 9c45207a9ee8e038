"""A role's way to its server: what the server's URL says of the server, nothing of who made the roles."""

import pytest

from deploy.local import databases

ADMIN = "postgresql://root:topsecret@db.test:5433/postgres"


def test_a_role_goes_to_its_own_database_by_its_own_name():
    assert databases.url_for(ADMIN, "audit", "p/w") == "postgresql://audit:p%2Fw@db.test:5433/audit"
    assert databases.url_for("postgresql://root@[::1]", "audit") == "postgresql://audit@[::1]:5432/audit"


def test_how_the_server_is_reached_holds_and_who_made_the_roles_does_not():
    url = f"{ADMIN}?sslmode=verify-full&user=root&password=topsecret&sslrootcert=/etc/ca.pem&sslkey=/etc/key.pem"
    assert databases.url_for(url, "audit") == (
        "postgresql://audit@db.test:5433/audit?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    )


@pytest.mark.parametrize("query", ["", "?sslmode=require"])
def test_an_address_without_who_connects_is_enough(query):
    told = databases.address(ADMIN + query)
    assert "root" not in told
    assert databases.url_for(f"postgresql://{told}", "audit") == databases.url_for(ADMIN + query, "audit")


@pytest.mark.parametrize("wrong", ["db.test:5432", "mysql://db.test", "postgresql://db.test:port", "postgresql:///x"])
def test_what_is_no_url_of_a_server_is_told_with_the_next_step(wrong):
    with pytest.raises(databases.DatabaseError, match="postgresql://admin:password@host:port"):
        databases.check(wrong)
    databases.check(ADMIN)
