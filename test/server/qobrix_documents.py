"""What a tenant tells of itself: units, schemas, lists of codes, associations."""
import qobrix_embed
import qobrix_model as shapes
from qobrix_list import Refused

LABELLED = {
    "Properties.availability_statuses": ("properties", "status"), "Properties.sale_rent": ("properties", "sale_rent"),
    "Properties.statuses": ("properties", "construction_stage"), "Properties.furnished": ("properties", "furnished"),
    "Properties.rent_frequency": ("properties", "rent_frequency"), "Properties.tenancy_type": ("properties", "tenancy_type"),
    "Properties.occupancy": ("properties", "occupancy"), "Properties.price_qualifier": ("properties", "price_qualifier"),
    "Properties.website_status": ("properties", "website_status"), "Properties.town_planning_zone": ("properties", "town_planning_zone"),
    "Properties.energy_efficiency_grade": ("properties", "energy_efficiency_grade"), "Properties.heating_type": ("properties", "heating_type"),
    "Properties.heating_medium": ("properties", "heating_medium"), "Properties.cooling_type": ("properties", "cooling_type"),
    "Properties.floor_type": ("properties", "floor_type"), "Properties.kitchen_type": ("properties", "kitchen_type"),
    "Properties.electricity_type": ("properties", "electricity_type"), "Properties.construction_type": ("properties", "construction_type"),
    "Properties.office_layout": ("properties", "office_layout"), "Properties.geocode_type": ("properties", "geocode_type"),
    "Agents.types": ("agents", "agent_type"), "Agents.statuses": ("agents", "status"),
    "Contacts.preferred_contact_method": ("contacts", "preferred_contact_method"), "Common.titles": ("contacts", "title"),
    "PropertyViewings.outcomes": ("property-viewings", "viewing_outcome"),
    "PropertyViewings.assessment": ("property-viewings", "price_assessment"), "Viewings.types": ("meetings", "viewing_type"),
    "Projects.statuses": ("projects", "construction_stage"), "Projects.availability_status": ("projects", "availability_status"),
    "Projects.housing_types": ("projects", "housing_type"), "Projects.type": ("projects", "type"),
    "Opportunities.sources": ("opportunities", "source"), "Opportunities.direct_sources": ("opportunities", "direct_source"),
    "Opportunities.buy_rent": ("opportunities", "buy_rent"),
}
COUNTRIES = {"CY": "Cyprus", "GR": "Greece", "DE": "Germany", "AE": "United Arab Emirates", "RU": "Russia"}
OUTCOMES = {"10": "Not interested", "20": "Undecided", "30": "Interested", "40": "Wants to offer"}
JSON_KINDS = {"number": "number", "int": "integer", "ref": "integer", "bool": "boolean", "codes": "array", "words": "array", "object": "object"}
FORMATS = {"id": "uuid", "uuid": "uuid", "link": "uuid", "stamp": "date-time", "date": "date", "url": "uri", "email": "email",
           "phone": "phone", "coordinates": "coordinates"}


class Documents:
    def __init__(self, store, options):
        self.store, self.options = store, options

    def wrapped(self, document):
        return {"data": document} if self.options.envelope else document

    def tenant(self):
        options = self.options
        if options.tenant != 200:
            raise Refused(options.tenant, "Not allowed")
        return self.wrapped({
            "id": shapes.uuid_of(self.store.seed, "tenant", 0), "status": "active", "type": "standard", "features": ["crm", "website"],
            "configuration": {
                "units": {"area": options.area, "dimension": options.dimension, "distance": options.distance, "currency": options.currency},
                "formats": {"date": "DD/MM/YYYY", "time": "HH:mm"}, "locale": "en_US", "country": "CY", "timezone": "Asia/Nicosia"}})

    def schema(self, name):
        """By path or by CamelCase name."""
        path = name if name in self.store.tables else shapes.RESOURCES.get(name)
        if path not in self.store.tables or not self.options.schema:
            raise Refused(404 if self.options.schema else 403, "Schema not found" if self.options.schema else "Not allowed")
        fields = self.store.tables[path].fields.values()
        return self.wrapped({"schema": "http://json-schema.org/draft-07/schema#", "type": "object",
                             "required": [field.name for field in fields if not field.nullable and field.name in ("name", "property_type")],
                             "properties": {field.name: self.described(field) for field in fields}})

    def described(self, field):
        kind = JSON_KINDS.get(field.kind, "string")
        found = {"type": kind}
        if field.nullable and self.options.schema_null == "type":
            found["type"] = [kind, "null"]
        elif field.nullable:
            found["nullable"] = True
        if field.kind in FORMATS:
            found["format"] = FORMATS[field.kind]
        if field.max_length:
            found["maxLength"] = field.max_length
        if field.kind == "enum":
            found["enum"] = field.argument.split("|")
        if field.many:
            found["items"] = {"type": "string"}
        if field.kind == "number" and field.argument:
            found["unit"] = field.argument
        if field.virtual:
            found.update({"readOnly": True, "virtual": True})
        elif field.name in ("id", "ref", "created", "modified", "created_by", "modified_by", "trashed"):
            found["readOnly"] = True
        return found

    def codes(self, name):
        """{code: label} of one list."""
        if name == "Common.countries":
            return {"data": COUNTRIES}
        if name == "PropertyViewings.outcomes":
            return {"data": OUTCOMES}
        if name not in LABELLED:
            raise Refused(404, "List not found")
        path, field = LABELLED[name]
        codes = self.store.tables[path].fields[field].argument.split("|")
        return {"data": {code: code.replace("_", " ").capitalize() for code in codes}}

    def associations(self, path):
        found = [{"name": name, "target": link[2], "foreign_key": link[1], "property": link[0]}
                 for name, link in qobrix_embed.INCLUDED.get(path, {}).items()]
        found += [{"name": name, "target": shapes.MODELS[target], "foreign_key": field, "property": name}
                  for name, (field, target) in qobrix_embed.RELATED.get(path, {}).items()]
        return {"data": found}

    def feature_fields(self, code=None):
        """{field: {code: label}} of the property features, of one type or all."""
        if code is not None and code not in shapes.TYPES:
            raise Refused(404, "Unknown property type")
        table, found = self.store.tables["property-features"], {}
        for record in table.records.values():
            values = table.plain(record)
            if code is None or not values["property_types"] or code in values["property_types"]:
                found.setdefault(values["field"], {})[values["code"]] = values["label"]
        return {"data": found}
