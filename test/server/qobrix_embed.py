"""Records as they are sent: times in the tenant's form, and records embedded
in others."""
import json

import edm
import qobrix_model as shapes

# key in the answer, field that leads there, model it leads to
AUDITORS = (("created_by_user", "created_by", "Users"), ("modified_by_user", "modified_by", "Users"))
EMBEDDED = {
    "properties": (("PropertyPropertyType", "property_type", "PropertyTypes"), ("agent_agent", "agent", "Agents"),
                   ("salesperson_user", "salesperson", "Users"), ("seller_contact", "seller", "Contacts"),
                   ("developer", "developer_id", "Contacts"), ("project_project", "project", "Projects"),
                   ("location_location", "location", "Locations"), ("group", "group_id", "Groups"),
                   ("campaign_id_campaign", "campaign_id", "Campaigns")) + AUDITORS,
    "agents": (("primary_contact_contact", "primary_contact", "Contacts"), ("agency_agent", "agency", "Agents"),
               ("sub_agent_of_agent", "sub_agent_of", "Agents"), ("owner_user", "owner", "Users"), ("user", None, None)) + AUDITORS,
    "contacts": (("contact_id_contact", "contact_id", "Contacts"), ("organization", "contact_id", "Contacts"),
                 ("group_id_group", "group_id", "Groups"), ("group", "group_id", "Groups"),
                 ("assigned_to_user", "assigned_to", "Users")) + AUDITORS,
    "users": (("contact", "contact_id", "Contacts"),),
    "projects": (("developer", "developer_id", "Contacts"), ("assignee", "assigned_to", "Users"),
                 ("location_location", "location", "Locations")) + AUDITORS,
    "opportunities": (("contact_name_contact", "contact_name", "Contacts"),),
    "media/categories": AUDITORS,
}
WITH_MEDIA = ("properties", "agents", "contacts", "projects", "opportunities")
# name in include[], key in the answer, field, model: one record; or field there, path: many
INCLUDED = {
    "property-viewings": {"PropertyViewingProperty": ("PropertyViewingProperty", "property_id", "Properties"),
                          "PropertyViewingViewing": ("PropertyViewingViewing", "viewing_id", "Meetings"),
                          "PropertyViewingCreator": ("PropertyViewingCreator", "created_by", "Users"),
                          "PropertyViewingModifier": ("PropertyViewingModifier", "modified_by", "Users")},
    "meetings": {"AssignedToUsers": ("assigned_to_user", "assigned_to", "Users"), "ContactContacts": ("contact_contact", "contact", "Contacts"),
                 "RelatedAgentAgents": ("related_agent_agent", "related_agent", "Agents"),
                 "RelatedOpportunityOpportunities": ("related_opportunity_opportunity", "related_opportunity", "Opportunities"),
                 "CreatedByUsers": AUDITORS[0], "ModifiedByUsers": AUDITORS[1]},
    "property-subtypes": {"PropertyTypes": ("PropertyTypes", "property_type", "PropertyTypes"),
                          "CreatedByUsers": AUDITORS[0], "ModifiedByUsers": AUDITORS[1]},
    "property-types": {"CreatedByUsers": AUDITORS[0], "ModifiedByUsers": AUDITORS[1]},
    "locations": {"CreatedByUsers": AUDITORS[0], "ModifiedByUsers": AUDITORS[1]},
    "users": {"Contacts": ("contact", "contact_id", "Contacts"), "CreatedByUsers": AUDITORS[0], "ModifiedByUsers": AUDITORS[1]},
    "agents": {"AgencyAgents": ("agency_agent", "agency", "Agents"), "OwnerUsers": ("owner_user", "owner", "Users"),
               "PrimaryContactContacts": ("primary_contact_contact", "primary_contact", "Contacts"),
               "SubAgentOfAgents": ("sub_agent_of_agent", "sub_agent_of", "Agents"),
               "CreatedByUsers": AUDITORS[0], "ModifiedByUsers": AUDITORS[1]},
    "contacts": {"Organizations": ("organization", "contact_id", "Contacts"), "AssignedToUsers": ("assigned_to_user", "assigned_to", "Users"),
                 "ContactIdContacts": ("contact_id_contact", "contact_id", "Contacts"), "GroupIdGroups": ("group_id_group", "group_id", "Groups"),
                 "Groups": ("group", "group_id", "Groups")},
    "projects": {"LocationLocations": ("location_location", "location", "Locations"), "Developer": ("developer", "developer_id", "Contacts"),
                 "Assignee": ("assignee", "assigned_to", "Users"), "CreatedByUsers": AUDITORS[0], "ModifiedByUsers": AUDITORS[1]},
    "properties": {"PropertyTypes": EMBEDDED["properties"][0], "PropertySubtypes": ("PropertySubtypes", "property_subtype", "PropertySubtypes"),
                   "AgentAgents": EMBEDDED["properties"][1], "SalespersonUsers": EMBEDDED["properties"][2],
                   "SellerContacts": EMBEDDED["properties"][3], "Developer": EMBEDDED["properties"][4],
                   "ProjectProjects": EMBEDDED["properties"][5], "LocationLocations": EMBEDDED["properties"][6],
                   "GroupIdGroups": EMBEDDED["properties"][7], "CampaignIdCampaigns": EMBEDDED["properties"][8],
                   "Original": ("Original", "cloned_from", "Properties"), "CreatedByUsers": AUDITORS[0], "ModifiedByUsers": AUDITORS[1]},
}
RELATED = {
    "properties": {"PropertyViewings": ("property_id", "property-viewings")},
    "projects": {"ProjectProperties": ("project", "properties")},
    "meetings": {"ViewingPropertyViewings": ("viewing_id", "property-viewings")},
    "agents": {"AgentProperties": ("agent", "properties"), "AgentOpportunities": ("agent", "opportunities")},
    "contacts": {"SellerProperties": ("seller", "properties")},
    "locations": {"LocationProjects": ("location", "projects"), "LocationProperties": ("location", "properties")},
    "property-types": {"Properties": ("property_type", "properties")},
    "property-subtypes": {"PropertySubtypeProperties": ("property_subtype", "properties")},
}
TRANSLATED = {"properties": ("name", "description", "short_description"), "projects": ("name", "description", "short_description"),
              "property-types": ("name",), "property-subtypes": ("label",), "property-features": ("label",),
              "project-features": ("label",), "media/categories": ("label",)}
BY_CODE = ("PropertyTypes", "PropertySubtypes")
LOCALES = {"ru_RU": "Русский: ", "el_GR": "Ελληνικά: ", "it": "Italiano: "}


def linked(store, model, value):
    """The record a link value leads to, with its table; or (None, None)."""
    path = shapes.RESOURCES.get(model)
    table = store.tables.get(path)
    if table is None or value is None:
        return None, None
    if model in BY_CODE:
        found = table.index("code").get(value)
        return table, found[0] if found else None
    return table, table.records.get(value)


def associations(path):
    """{name in include[]: (key, field, model)} of links to one record."""
    return INCLUDED.get(path, {})


class Writer:
    """Makes documents of records; `media_of(path, record)`, JSON, comes from the media part."""

    def __init__(self, store, options):
        self.store, self.options = store, options
        self.media_of = None
        self.embeds, self.texts, self.version = {}, {}, None

    def fresh(self):
        if self.version != self.store.version:
            self.embeds, self.texts, self.version = {}, {}, self.store.version

    def forget(self):
        self.version = None

    def sent(self, table, record, names=None):
        """The record's fields, or the named ones, in the form of the tenant."""
        found = table.plain(record) if names is None else table.some(record, names)
        style = self.options.stamps
        if style == "mixed":
            style = ("naive", "z", "offset", "local")[record.number % 4]
        if style != "naive":
            for name, field in table.fields.items():
                if field.kind == "stamp" and found.get(name):
                    found[name] = styled(found[name], style)
        if self.options.numbers_as_text:
            found.update((name, str(value)) for name, value in found.items() if isinstance(value, (int, float)) and not isinstance(value, bool))
        return found

    def embedded(self, model, value):
        """A linked record one level deep: scalars, and `extra` of a user."""
        self.fresh()
        key = (model, value)
        if key not in self.embeds:
            table, record = linked(self.store, model, value)
            self.embeds[key] = record and {name: item for name, item in self.sent(table, record).items()
                                           if not isinstance(item, list) and (name == "extra" or not isinstance(item, dict))}
        return self.embeds[key]

    def document(self, path, record, request):
        """One record of an answer, as the request's options want it."""
        table = self.store.tables[path]
        names = [name for name in table.fields if name in request.fields] if request.fields else None
        found = self.sent(table, record, names)
        if request.expand and (not request.fields or self.options.fields_expand):
            for key, field, model in EMBEDDED.get(path, ()):
                found[key] = self.embedded(model, table.cell(record, field)[0]) if field in table.fields else None
        if request.media and path in WITH_MEDIA and (not request.fields or self.options.fields_expand or "media" in request.fields):
            found["media"] = json.loads(self.media_of(path, record))
        for name in request.include:
            self.include(found, path, table, record, name)
        if self.options.omit_nulls:
            found = {name: value for name, value in found.items() if value is not None}
        return found

    def text(self, path, record, request):
        """The document as JSON; the usual kind is put together from kept pieces."""
        options = self.options
        if request.fields or request.include or options.omit_nulls or options.numbers_as_text or options.stamps != "naive":
            return shapes.dump(self.document(path, record, request))
        self.fresh()
        table = self.store.tables[path]
        parts = [table.body(record).decode()]
        if request.expand:
            for key, field, model in EMBEDDED.get(path, ()):
                value = table.cell(record, field)[0] if field in table.fields else None
                parts.append('"%s":%s' % (key, self.kept((model, value), lambda: self.embedded(model, value))))
        if request.media and path in WITH_MEDIA:
            parts.append('"media":%s' % self.media_of(path, record))
        return ",".join(parts) + "}"

    def kept(self, key, make):
        """JSON of what many records have in common."""
        if key not in self.texts:
            self.texts[key] = shapes.dump(make())
        return self.texts[key]

    def include(self, found, path, table, record, name):
        link = INCLUDED.get(path, {}).get(name)
        many = RELATED.get(path, {}).get(name)
        if name == "Translations" and path in TRANSLATED:
            found["translations"] = {locale: self.translation(path, record, locale, False) for locale in LOCALES}
        elif link:
            found[link[0]] = self.embedded(link[2], table.cell(record, link[1])[0])
        elif many:
            here = "code" if path in ("property-types", "property-subtypes") else "id"
            target = self.store.tables[many[1]]
            found[name] = [self.sent(target, other) for other in target.index(many[0]).get(table.cell(record, here)[0], [])]
        else:
            found[name] = []

    def translation(self, path, record, locale, fallback):
        """Texts of a locale; every third record has none, and short_description never has one."""
        table, found = self.store.tables[path], {}
        for name in TRANSLATED[path]:
            text = table.cell(record, name)[0]
            there = locale in LOCALES and record.number % 3 and name != "short_description" and text is not None
            found[name] = LOCALES[locale] + text if there else text if fallback else None
        return found


def styled(text, style):
    """A naive UTC time in another form."""
    if style == "blank":
        return text.replace("T", " ")
    if style == "local":
        return edm.format_stamp(edm.parse_stamp(text + "Z")[0] + 7200 * edm.SECOND, 0)[:19] + "+02:00"
    return text + {"z": "Z", "offset": "+00:00"}[style]
