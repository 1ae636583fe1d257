"""Roots and proofs made from stored nodes are those of the plain RFC 6962 implementation, at every size."""

import pytest

from infrastructure.postgres.database import Database
from infrastructure.postgres.log import EventLog
from infrastructure.proofs import tree
from infrastructure.proofs.offline import ProofError, check_consistency, check_inclusion
from tests.support import merkle
from tests.support.events import request

SIZE = 70


@pytest.fixture
def leaves(database: Database) -> list[bytes]:
    log = EventLog(database)
    for count in (1, 2, 5, 16, 1, 9, 36):
        log.append(request(count=count))
    return [merkle.leaf_hash(merkle.leaf_record(row)) for row in log.read(0, SIZE)]


def test_every_proof_of_every_size_holds_against_the_reference_s_roots(
    database: Database, leaves: list[bytes]
) -> None:
    roots = [merkle.tree_hash(leaves[:size]) for size in range(SIZE + 1)]

    with database.connection() as connection:
        for size in (*range(1, 18), 31, 32, 33, 63, 64, 65, SIZE):
            assert tree.root(connection, size) == roots[size]
            for index in {*range(0, size, 5), size - 1}:
                proof = tree.inclusion_proof(connection, index, size)
                check_inclusion(index, size, leaves[index], proof, roots[size])
                with pytest.raises(ProofError):
                    check_inclusion(index, size, leaves[index], proof, roots[size - 1])
            for old in {0, *range(1, size, 4), size}:
                proof = tree.consistency_proof(connection, old, size)
                check_consistency(old, roots[old], size, roots[size], proof)


def test_a_proof_takes_two_queries_and_few_rows(database: Database, leaves: list[bytes]) -> None:
    fetched: list[int] = []

    class Counting:
        def __init__(self, connection: object) -> None:
            self._connection = connection

        def execute(self, query: str, parameters: tuple[list[int]], **values: object) -> object:
            fetched.append(len(parameters[0]))
            return self._connection.execute(query, parameters, **values)  # type: ignore[attr-defined]

    with database.connection() as connection:
        tree.inclusion_proof(Counting(connection), 40, SIZE)  # type: ignore[arg-type]

    assert len(fetched) <= 2
    assert sum(fetched) <= 7 * 7


def test_a_hole_in_the_log_is_told(database: Database, leaves: list[bytes]) -> None:
    with database.owner_session() as connection:
        connection.execute("delete from daybook.events where log_index = 63")
        with pytest.raises(tree.MissingNodesError):
            tree.root(connection, SIZE)
