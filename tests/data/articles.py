"""Writes articles.parquet: what pandas and Spark users have, in a few kilobytes. Needs pyarrow."""

import datetime
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

utc = datetime.timezone.utc
table = pa.table({
    "key": pa.array([7, 8, 9], pa.int64()),
    "body": pa.array([
        "Nora Brandt warf der Vela AG Wortbruch vor.",
        None,
        "Jana Roth lobte die Reederei Ostwind in Köln.",
    ]),
    "published": pa.array(
        [datetime.datetime(2025, 9, day, 8, 30, tzinfo=utc) for day in (16, 17, 18)],
        pa.timestamp("us", tz="UTC"),
    ),
    "topics": pa.array([["energy", "politics"], [], None], pa.list_(pa.string())),
    "outlet": pa.array(["Kurier", "Bote", "Kurier"]).dictionary_encode(),
    "price": pa.array([1.5, None, 2.25]),
    "paid": pa.array([True, False, None]),
})
target = pathlib.Path(__file__).with_name("articles.parquet")
# Snappy and more than one row group, as writers do it by default and in bulk.
pq.write_table(table, target, row_group_size=2, compression="snappy")
