"""STANDARD-XML answers of a search: an element for each record and column."""
from rets_wire import clean, envelope

WRAPPERS = {"Property": "REProperties", "ActiveAgent": "REActiveAgents", "Office": "REOffices"}


def answer(call, page, columns, counted, total, more):
    """REData around the records; empty values leave their element out."""
    name = call.kind.standard or call.kind.name
    wrapper = WRAPPERS.get(call.resource.name, "RE" + call.resource.name)
    records = []
    for record in page:
        fields = "".join("<%s>%s</%s>" % (tag, text, tag) for tag, text in
                         ((column.standard or column.system, call.text(record, column, True)) for column in columns) if text)
        records.append("<%s>%s</%s>\r\n" % (name, fields, name))
    body = "<REData>\r\n<%s>\r\n%s</%s>\r\n</REData>\r\n" % (wrapper, "".join(records), wrapper)
    return envelope(counted + body + ("<MAXROWS/>\r\n" if more else ""))
