"""$metadata as an EDMX document, written from the model."""
from xml.sax.saxutils import quoteattr

import model as shapes

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
<edmx:Reference Uri="https://docs.oasis-open.org/odata/odata/v4.0/os/vocabularies/Org.OData.Core.V1.xml">
<edmx:Include Namespace="Org.OData.Core.V1" Alias="Core"/></edmx:Reference>
<edmx:DataServices>"""


def element(name, children=(), **attributes):
    text = "".join(" %s=%s" % (key, quoteattr(str(value))) for key, value in attributes.items() if value is not None)
    inner = "".join(children)
    return "<%s%s>%s</%s>\n" % (name, text, inner, name) if inner else "<%s%s/>\n" % (name, text)


def annotation(term, text):
    return element("Annotation", Term=term, String=text)


def property_xml(field, standard=True):
    notes = []
    if field.lookup:
        notes.append(annotation("RESO.OData.Metadata.LookupName", field.lookup))
    if standard and not field.name.startswith(("X_", "Mlg")):
        notes.append(annotation("RESO.OData.Metadata.StandardName", field.name))
    if field.description:
        notes.append(annotation("Core.Description", field.description))
    return element(
        "Property", notes, Name=field.name, Type=field.type_name,
        Nullable="true" if field.nullable and not field.many else "false",
        MaxLength=field.max_length, Precision=field.precision, Scale=field.scale)


def navigation_xml(nav):
    target = "%s.%s" % (shapes.NAMESPACE, nav.target)
    constraint = element("ReferentialConstraint", Property=nav.here, ReferencedProperty=nav.there)
    return element("NavigationProperty", [] if nav.many else [constraint], Name=nav.name,
                   Type="Collection(%s)" % target if nav.many else target)


def entity_xml(table):
    key = element("Key", [element("PropertyRef", Name=table.declared_key)])
    properties = [property_xml(field, table.name != "Sampler") for field in table.fields.values()]
    return element("EntityType", [key, *properties, *map(navigation_xml, table.navigations.values())], Name=table.name)


def set_xml(table):
    bindings = [element("NavigationPropertyBinding", Path=nav.name, Target=nav.target) for nav in table.navigations.values()]
    return element("EntitySet", bindings, Name=table.name, EntityType="%s.%s" % (shapes.NAMESPACE, table.name))


def enum_xml(enum):
    members = [element("Member", [annotation("RESO.OData.Metadata.StandardName", display)], Name=name, Value=value)
               for name, (value, display) in enum.members.items()]
    return element("EnumType", members, Name=enum.name, UnderlyingType="Edm.Int64" if enum.flags else "Edm.Int32",
                   IsFlags="true" if enum.flags else None)


def complex_xml(field):
    return element("ComplexType", [property_xml(part, False) for part in field.parts], Name=field.complex_name)


def document(store):
    tables = store.tables.values()
    complexes = [complex_xml(field) for table in tables for field in table.fields.values() if field.parts]
    container = element("EntityContainer", map(set_xml, tables), Name="Container")
    schemas = [element("Schema", [*map(entity_xml, tables), *complexes, container],
                       xmlns="http://docs.oasis-open.org/odata/ns/edm", Namespace=shapes.NAMESPACE)]
    if store.model.enums:
        schemas.append(element("Schema", map(enum_xml, store.model.enums.values()),
                               xmlns="http://docs.oasis-open.org/odata/ns/edm", Namespace=shapes.ENUM_NAMESPACE))
    return HEAD + "".join(schemas) + "</edmx:DataServices></edmx:Edmx>\n"
