"""A small shop to repair statements for, and another with the same tables but declared keys."""

from datetime import UTC, datetime

import pytest

from wire.snapshot import Column, ForeignKey, SchemaSnapshot, Table

_TABLES = {
    "customer": "customer_id bigint, name text, city text, country text, is_active boolean, joined date",
    "orders": "order_id bigint, customer_id bigint, ordered_at timestamp without time zone, total numeric",
    "order_line": "order_id bigint, product_id bigint, quantity integer, price double precision",
    "product": "product_id bigint, title text, category text, like_count integer, stock bigint",
    "review": "review_id bigint, product_id bigint, customer_id bigint, stars integer, written bigint",
    "basket": "basket_id bigint, customer_id bigint, count integer",
    "season": "month text, guests integer",
    "courier": "courier_id bigint, name text",
    "ride": "ride_id bigint, courier_id bigint, customer_id bigint, minutes integer",
    "company": "company_id bigint, trade_name text, contact_name text, owner_id bigint",
    "clerk": "clerk_id bigint, clerk_name text, chief_id bigint, hired date, duty text",
    "price_list": "price_list_id bigint, item text, price numeric, valid_from date, valid_to date",
    "guest": "guest_id bigint, first_name text, last_name text, phone text",
    "stay": "stay_id bigint, arrived date, departed date, noted date",
    "haven": "haven_id bigint, haven_name text, land_code text",
    "land": "land_code text, land_name text, continent text",
    "parcel": "parcel_id bigint, stage text, sent_on date, promised_on date, came_on date, reason text, "
    "grams integer",
    "request": "request_id bigint, stage text, opened_on date",
    "rower": "rower_id bigint, rower_name text, born_on date, enrolled_on date, left_on date",
    "fire_claim": "fire_claim_id bigint, outcome text, claimed_on date",
    "theft_claim": "theft_claim_id bigint, outcome text, claimed_on date",
    "damage": "damage_id bigint, outcome text, claimed_amount numeric, settled_amount numeric",
    "studio": "std_id bigint, std_nm text, town text, area_sqm integer, has_pool boolean",
    "equip": "eq_id bigint, std_id bigint, eq_nm text, buy_price numeric, bought date",
    "checkin": "chk_id bigint, std_id bigint, seen timestamp without time zone",
    "pmt": "pmt_id bigint, home_std_id bigint, amt numeric, pmt_dt date",
    "remark": "remark_id bigint, tone text, points integer",
    "shrub": "shrub_id bigint, shrub_name text, evergreen text",
    "monthly_request": "month date, requests bigint, grams bigint",
    "visitor": "visitor_id bigint, visitor_name text, region text, first_seen date",
    "hit": "hit_id bigint, visitor_id bigint, region text, page_path text, event_kind text, device text, "
    "seen_at timestamp without time zone",
    "loan": "loan_id bigint, visitor_id bigint, loan_state text, lent_on date, returned_on date",
    "voucher": "voucher_id bigint, state text, issued date",
    "redemption": "redemption_id bigint, voucher_id bigint, redeemed_on date",
    "article": "article_id bigint, article_name text, list_price numeric, weight real",
    "purchase": "purchase_id bigint, article_id bigint, std_id bigint, pieces integer, unit_price numeric",
    "sale": "sale_id bigint, pieces integer, price numeric(8,2), rebate_pct numeric(5,2), "
    "tax_percent integer, fee_pct numeric(4,3)",
    "enquiry": "enquiry_id bigint, heard_from text, enquired date",
    "boat_swap": "boat_swap_id bigint, seller_rower_id bigint, buyer_rower_id bigint, crane_fee numeric",
    "swap_witness": "boat_swap_id bigint, clerk_id bigint, oath text",
    "pier": "pier_id bigint, pier_name text, shore text",
    "ferry_run": "ferry_run_id bigint, origin_pier_id bigint, destination_pier_id bigint, berths integer",
    "bureau": "bureau_id bigint, bureau_name text, head_hand_id bigint",
    "hand": "hand_id bigint, hand_name text, bureau_id bigint",
    "berth_slot": "quay_code text, tide text, metres integer",
    "mooring": "mooring_id bigint, quay_code text, tide text, rent numeric",
    "archive.shipment": "shipment_id bigint, order_id bigint, weight real, carrier text",
}
_OWN = {
    "clerk": {"chief_id": "clerk.clerk_id"},
    "ferry_run": {"origin_pier_id": "pier.pier_id", "destination_pier_id": "pier.pier_id"},
    "bureau": {"head_hand_id": "hand.hand_id"},
    "hand": {"bureau_id": "bureau.bureau_id"},
    "boat_swap": {"seller_rower_id": "rower.rower_id", "buyer_rower_id": "rower.rower_id"},
}
"""References that no name would tell: a clerk's chief is a clerk; a boat has two rowers."""
_WHOLE = [
    ForeignKey(
        columns=["quay_code", "tide"],
        to_schema="public",
        to_table="berth_slot",
        to_columns=["quay_code", "tide"],
    )
]
"""A reference of two columns."""
_VIEWS = {"monthly_request": "Lost requests by month"}
_KEYS = {"orders": "customer", "order_line": "orders product", "review": "product customer"}


def _snapshot(*, keys: bool) -> SchemaSnapshot:
    tables = []
    for qualified, columns in _TABLES.items():
        schema, _, name = qualified.rpartition(".")
        tables.append(
            Table(
                schema_name=schema or "public",
                name=name,
                kind="view" if name in _VIEWS else "table",
                comment=_VIEWS.get(name, ""),
                primary_key=["parcel_id"] if name == "parcel" else [],
                unique_keys=[["voucher_id"]] if name == "redemption" else [],
                columns=[_column(*item.strip().split(" ", 1)) for item in columns.split(", ")],
                foreign_keys=[
                    *(
                        ForeignKey(columns=[key], to_schema="public", to_table=target, to_columns=[key])
                        for target in (_KEYS.get(name, "").split() if keys else ())
                        for key in [target.removesuffix("s") + "_id"]
                    ),
                    *(
                        ForeignKey(
                            columns=[key],
                            to_schema="public",
                            to_table=target.partition(".")[0],
                            to_columns=[target.partition(".")[2]],
                        )
                        for key, target in _OWN.get(name, {}).items()
                    ),
                    *(_WHOLE if name == "mooring" else ()),
                ],
            )
        )
    return SchemaSnapshot(
        database="shop", server_version=180000, tables=tables, taken_at=datetime(2026, 1, 1, tzinfo=UTC)
    )


def _column(name: str, kind: str) -> Column:
    values = {"city": ["Paris", "Rome"], "country": ["FR", "IT", "US"], "carrier": ["DHL", "UPS"]}
    values["month"] = ["January", "March", "June", "October"]
    values["land_code"], values["continent"] = ["DE", "JP", "PL"], ["Europe", "Asia"]
    values["stage"], values["outcome"] = ["delivered", "lost", "open"], ["settled", "rejected", "open"]
    values["tone"] = ["Average", "Good"]
    values["evergreen"] = ["N", "Y"]
    values["state"] = ["redeemed", "void"]
    values["duty"] = ["cashier", "porter"]
    values["event_kind"] = ["page_view", "sign_in", "download"]
    values["region"] = ["Elbe", "Tyne"]
    values["device"], values["loan_state"] = ["desktop", "mobile"], ["out", "lost", "cancelled"]
    values["heard_from"] = ["Google", "google", " Google", "GOOGLE", "Friend", "Radio"]
    samples = {"category": ["Hats", "Coats"], "rower_name": ["Ann Lee", "Bob Stone"]}
    return Column(
        name=name,
        type=kind,
        nullable=name not in {"category", "country", "parcel_id"},
        values=values.get(name, []),
        samples=samples.get(name, []),
    )


@pytest.fixture(scope="session")
def shop() -> SchemaSnapshot:
    """No foreign key is declared: joins are inferred from names."""
    return _snapshot(keys=False)


@pytest.fixture(scope="session")
def keyed_shop() -> SchemaSnapshot:
    """The same with foreign keys."""
    return _snapshot(keys=True)
