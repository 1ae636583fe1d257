"""An event of the log as receipts and exports write it: what `offline.leaf_record` reads."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC
from typing import Any

from infrastructure.postgres.log import LogRow


def document(row: LogRow) -> dict[str, Any]:
    """Return an event's record as JSON values, metadata and payload by their hashes."""
    return {
        "log_index": row.log_index,
        "stream_id": str(row.stream_id),
        "version": row.version,
        "event_id": str(row.event_id),
        "type": row.type,
        "schema_version": row.schema_version,
        "time": row.time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "metadata_sha256": hashlib.sha256(row.metadata).hexdigest(),
        "payload_sha256": hashlib.sha256(row.payload).hexdigest(),
    }


def full_document(row: LogRow) -> dict[str, Any]:
    """Return an event with the bytes of its metadata and its (encrypted) payload."""
    return {
        **document(row),
        "metadata": base64.b64encode(row.metadata).decode(),
        "payload": base64.b64encode(row.payload).decode(),
    }
