"""Records made by hand, one for each value and each branch that a mapping of
Qobrix records has to treat. The label of a case is the record's legacy_id:
`case:status=sold`. Everything a case does not name is neutral, so that it
differs from the base record in one thing only.
"""
import qobrix_model as shapes

CONTACTS_FROM = 130
BASE = {
    "status": "available", "sale_rent": "for_sale", "property_type": "apartment", "property_subtype": "standard_apartment",
    "website_status": "published", "list_selling_price_amount": 250000, "list_rental_price_amount": None, "rent_frequency": None,
    "price_qualifier": "fixed", "construction_stage": None, "new_build": None, "construction_year": 2010, "renovation_year": None,
    "custom_resale": None, "custom_presale": None, "custom_exclusive_listing": None, "custom_excluded_property": None,
    "custom_listing_property": None, "key_holder_details": None, "furnished": None, "pets_allowed": None, "fireplace": None,
    "covered_parking": None, "uncovered_parking": None, "parking": None, "geocode_type": "exact", "coordinates": "34.70710,33.02260",
    "project": None, "developer_id": None, "agent": None, "salesperson": None, "seller": None, "inherit_project_media": False,
    "bedrooms": 2, "bathrooms": 1, "internal_area_amount": 85.5, "plot_area_amount": None, "description": "One thing differs.",
    "short_description": None, "city": "Example City", "cloned_from": None, "trashed": None,
}
RENTED = {"sale_rent": "for_rent", "list_selling_price_amount": None, "list_rental_price_amount": 900, "rent_frequency": "Monthly"}
BOTH = {"sale_rent": "for_sale_and_rent", "list_rental_price_amount": 900, "rent_frequency": "Monthly"}
OFFERS = {"for_sale": {}, "for_rent": RENTED, "for_sale_and_rent": BOTH}
STAGES = ("offplans", "off_plan", "planning", "construction_phase", "under_construction", "unfinished", "resale")


def values_of(field, *values, **more):
    """One case for each value of a field."""
    return {"%s=%s" % (field, value): {field: value, **more} for value in values}


def property_cases(store):
    cases = {"base": {}}
    for part in (offers, lifecycle, engagement, places, links, times, shapes_of_values):
        cases.update(part(store))
    return cases


def offers(store):
    cases = values_of("status", "pending", "available", "reserved", "sold", "rented", "withdrawn", "under_offer", None, "SOLD", "archived")
    cases.update(values_of("sale_rent", "for_management", "for_auction", None))
    for kind in list(shapes.TYPES) + ["castle"]:
        names = shapes.TYPES.get(kind, ("", "castle"))[1].split()
        for offer, fields in OFFERS.items():
            cases["%s+%s" % (kind, offer)] = {**fields, "property_type": kind, "property_subtype": names[0]}
        cases[kind + " without subtype"] = {"property_type": kind, "property_subtype": None}
    for frequency in ("Yearly", "Quarterly", "Monthly", "Weekly", "Daily", "annually", None):
        cases["rent_frequency=%s" % frequency] = {**RENTED, "rent_frequency": frequency}
    cases.update(values_of("price_qualifier", "poa", None))
    cases.update(values_of("list_selling_price_amount", None, 0, 0.01, 123456789012.5))
    cases.update(values_of("website_status", "unpublished"))
    cases["excluded"] = {"custom_excluded_property": True}
    cases["draft, published"] = {"status": "pending", "website_status": "published"}
    return cases


def lifecycle(store):
    """Every rung of the ladder of development states, and what lies between."""
    developer = {"developer_id": shapes.uuid_of(store.seed, "contacts", CONTACTS_FROM)}
    off_plan, built, done, resale, bare = (shapes.uuid_of(store.seed, "projects", number) for number in range(5))
    cases = values_of("construction_stage", *STAGES)
    cases.update({
        "custom_resale": {"custom_resale": True, "construction_stage": "offplans"}, "presale of a new building": {"custom_presale": True, "new_build": True},
        "presale, age unknown": {"custom_presale": True}, "completed, new": {"construction_stage": "completed", "new_build": True},
        "completed, old": {"construction_stage": "completed", "new_build": False},
        "completed, old, project off plan": {"construction_stage": "completed", "new_build": False, "project": off_plan},
        "completed, of a developer": {"construction_stage": "completed", **developer}, "completed": {"construction_stage": "completed"},
        "completed, project being built": {"construction_stage": "completed", "project": built},
        "project resale": {"project": resale}, "project off plan": {"project": off_plan}, "project being built": {"project": built},
        "project completed, new": {"project": done, "new_build": True}, "project completed": {"project": done},
        "project without stage": {"project": bare}, "new": {"new_build": True}, "not new": {"new_build": False},
        "renovated": {"renovation_year": 2020}, "renovated when built": {"renovation_year": 2010}, "of a developer": developer,
        "renovated, off plan": {"renovation_year": 2020, "construction_stage": "offplans"},
    })
    return cases


def engagement(store):
    cases = values_of("custom_listing_property", "Yes", "yes", "No", "")
    cases.update(values_of("key_holder_details", "At the office, Ms. K.", "", "  "))
    cases.update({"exclusive, listed": {"custom_exclusive_listing": True, "custom_listing_property": "Yes"},
                  "exclusive only": {"custom_exclusive_listing": True}, "not exclusive, listed": {"custom_exclusive_listing": False, "custom_listing_property": "Yes"},
                  "listed and rented": {**RENTED, "custom_listing_property": "Yes"}, "listed, both": {**BOTH, "custom_listing_property": "Yes"}})
    return cases


def places(store):
    cases = values_of("geocode_type", "offset", "hidden", None)
    cases.update(values_of("coordinates", None, "", "34.7", " 34.7 , 33.02 ", "0,0", "91.5,181", "34,7;33,0"))
    cases["hidden, no point"] = {"geocode_type": "hidden", "coordinates": None}
    cases.update(values_of("furnished", "furnished", "semi_furnished", "optionally_furnished", "unfurnished"))
    cases.update(values_of("pets_allowed", True, False))
    cases.update(values_of("fireplace", True, False))
    cases.update({"parking covered": {"covered_parking": 1}, "parking uncovered": {"uncovered_parking": 2}, "parking none": {"covered_parking": 0, "uncovered_parking": 0, "parking": 0},
                  "parking all": {"covered_parking": 1, "uncovered_parking": 2, "parking": 3}})
    return cases


def links(store):
    ids = shapes.uuid_of
    agent, user, seller = ids(store.seed, "agents", 1), ids(store.seed, "users", 1), ids(store.seed, "contacts", CONTACTS_FROM + 1)
    project, nowhere = ids(store.seed, "projects", 2), "00000000-0000-4000-8000-00000000dead"
    return {"agent": {"agent": agent}, "salesperson": {"salesperson": user}, "agent and salesperson": {"agent": agent, "salesperson": user},
            "seller": {"seller": seller}, "agent is gone": {"agent": nowhere}, "project is gone": {"project": nowhere},
            "project media inherited": {"project": project, "inherit_project_media": True},
            "project media not inherited": {"project": project, "inherit_project_media": False},
            "inherits without project": {"inherit_project_media": True}}


def times(store):
    return {"no modified": {"modified": None}, "no created": {"created": None}, "neither time": {"created": None, "modified": None},
            "modified before created": {"created": "2025-03-01T10:00:00", "modified": "2024-03-01T10:00:00"},
            "modified in the future": {"modified": "2031-01-01T00:00:00"}, "in the bin": {"trashed": "2025-02-01T08:00:00"},
            "in the bin, without modified": {"trashed": "2025-02-02T08:00:00", "modified": None},
            "tie one": {"modified": "2025-01-31T12:00:00"}, "tie two": {"modified": "2025-01-31T12:00:00"}}


def shapes_of_values(store):
    codes = {name: found.split() for name, found in shapes.FEATURES.items()}
    return {"all features": codes, "no features": {name: [] for name in codes}, "unknown feature": {"view": ["sea", "tenant_made_view"]},
            "longest texts": {"name": "N" * 255, "description": "Absatz ü. " * 1638, "short_description": "x" * 2048},
            "markup": {"description": "<p>Terrace &amp; garden</p>\r\n<script>alert(1)</script>"}, "empty texts": {"description": "", "city": "", "state": ""},
            "odd numbers": {"bedrooms": 0, "bathrooms": 2000, "internal_area_amount": 0.1, "plot_area_amount": 99999999.99},
            "emoji": {"name": "Sea view 🏖 «Villa»", "city": "Λεμεσός"}}


def contact_cases(store):
    cases = values_of("role", "buyer", "seller", "tenant", "landlord", "investor", "agent", "developer", "Buyer ", "", None, "plumber")
    cases.update(values_of("title", *"mr mrs ms miss dr prof rev lady lord sir mr_mrs withheld".split()))
    cases.update(values_of("preferred_contact_method", "phone", "email", "sms", "whatsapp", "Viber"))
    for name in ("marketing", "email", "sms", "phone", "postal"):
        cases.update(values_of(name + "_consent", True, False))
    cases.update({
        "company": {"is_company": True, "name": "Example Ltd", "first_name": None, "last_name": None, "registration_number": "HE 1"},
        "person": {"is_company": False, "first_name": "Pat", "last_name": "O'Example", "name": "Pat O'Example"},
        "erased": {"personal_data_cleared": "2025-04-01T00:00:00", "first_name": None, "last_name": None, "email": None, "phone": None, "name": None},
        "no modified": {"modified": None}, "in the bin": {"trashed": "2025-02-01T08:00:00"},
        "secret": {"consent_token": "consent-token-value"}, "upper-case mail": {"email": "Pat@Example.COM"}})
    return cases


CONTACT = {"role": "buyer", "title": None, "preferred_contact_method": None, "marketing_consent": None, "email_consent": None,
           "sms_consent": None, "phone_consent": None, "postal_consent": None, "is_company": False, "personal_data_cleared": None,
           "first_name": "Pat", "last_name": "Example", "name": "Pat Example", "email": "pat@example.com", "trashed": None}


def agent_cases(store):
    agency = shapes.uuid_of(store.seed, "agents", 0)
    free = {"agency": None, "sub_agent_of": None}
    return {"agency": {**free, "agent_type": "agency", "status": "with_agency_agreement"},
            "agent of an agency": {"agent_type": "individual_agent", "agency": agency, "sub_agent_of": None, "status": "with_agency_agreement"},
            "sub-agent": {"agent_type": "individual_agent", "agency": None, "sub_agent_of": agency, "status": "without_agency_agreement"},
            "free agent": {**free, "agent_type": "individual_agent", "status": None}, "agency without agreement": {**free, "agent_type": "agency", "status": "without_agency_agreement"},
            "in the bin": {"trashed": "2025-02-01T08:00:00"}, "inactive": {**free, "agent_type": "agency", "status": "inactive"}}


def project_cases(store):
    plain = {"custom_resale": None, "trashed": None, "type": "project", "website_status": "published"}
    cases = {"off plan": {"construction_stage": "offplans"}, "being built": {"construction_stage": "construction_phase"},
             "completed": {"construction_stage": "completed"}, "resale": {"construction_stage": None, "custom_resale": True},
             "without stage": {"construction_stage": None}, "pending_published": {"website_status": "pending_published"},
             "pending_unpublished": {"website_status": "pending_unpublished"}, "investment_package": {"type": "investment_package"}}
    return {label: {**plain, **fields} for label, fields in cases.items()}


def viewing_cases(store):
    empty = {"viewing_outcome": None, "price_assessment": None, "location_assessment": None, "exterior_appeal_assessment": None,
             "interior_appeal_assessment": None, "views_assessment": None, "further_feedback": None}
    cases = {"planned": empty, "in the bin": {**empty, "trashed": "2025-02-01T08:00:00"}, "only interior": {**empty, "interior_appeal_assessment": 40}}
    cases.update({"outcome %d" % value: {"viewing_outcome": value} for value in (10, 20, 30, 40)})
    return cases


def meeting_cases(store):
    cases = {"planned": {"canceled": False, "start_date": "2031-05-01T09:00:00", "end_date": "2031-05-01T10:00:00"}, "bin": {},
             "canceled": {"canceled": True}, "no client": {"contact": None, "assigned_to": None}}
    cases.update({kind: {"viewing_type": kind} for kind in ("in_person", "virtual", "self_guided", "open_house")})
    return cases


# path: (cases, base record, number of the first)
CASES = {"properties": (property_cases, BASE, 0), "contacts": (contact_cases, CONTACT, CONTACTS_FROM), "agents": (agent_cases, {}, 3),
         "projects": (project_cases, {}, 0), "property-viewings": (viewing_cases, {}, 0), "meetings": (meeting_cases, {}, 0)}


def records(path, store):
    """{number: fields}; those that a small tenant has no room for are left out."""
    if path not in CASES:
        return {}
    cases, base, first = CASES[path]
    found = {}
    for number, (label, fields) in enumerate(cases(store).items(), first):
        if number < store.sizes[path]:
            label = {"legacy_id": "case:" + label} if path not in ("property-viewings",) else {}
            found[number] = {**base, **label, **fields}
            if path == "properties":
                found[number].setdefault("name", "Case " + label["legacy_id"][5:])
    return found
