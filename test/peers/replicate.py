#!/usr/bin/env python3
"""A replication client for an OData service, which believes nothing: it walks the pages of
each resource and holds every page against $metadata.

    replicate.py URL CLIENT_ID SECRET [RESOURCE...]

Of each record: no member that is not declared, types, nulls, MaxLength, precision and scale,
values of lookups among the rows of Lookup.  Of each resource: as many records as @odata.count
says, each key once, pages no larger than was preferred, next links below the service's root;
what $expand shows is declared as well, and belongs to the record it stands in.
"""
import collections
import datetime
import http.client
import json
import re
import sys
import time
import urllib.parse
import xml.etree.ElementTree as ET

EDM = '{http://docs.oasis-open.org/odata/ns/edm}'
PAGE = 500
LOOKUP_TERMS = ('RESO.OData.Metadata.LookupName', 'org.reso.metadata.LookupName')
DATE = re.compile(r'-?\d{4,}-\d\d-\d\d\Z')
MOMENT = re.compile(r'-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,12})?(Z|[+-]\d\d:\d\d)\Z')
BOUNDS = {'Edm.Byte': (0, 255), 'Edm.SByte': (-128, 127), 'Edm.Int16': (-2**15, 2**15 - 1),
          'Edm.Int32': (-2**31, 2**31 - 1), 'Edm.Int64': (-2**63, 2**63 - 1)}


class Number(str):
    """A number as it stands in JSON."""


class Service:
    def __init__(self, url, client_id, secret):
        self.root = url.rstrip('/') + '/'
        parts = urllib.parse.urlsplit(self.root)
        kind = http.client.HTTPSConnection if parts.scheme == 'https' else http.client.HTTPConnection
        self.connection = kind(parts.netloc, timeout=120)
        self.token = None
        form = urllib.parse.urlencode({'grant_type': 'client_credentials', 'client_id': client_id,
                                       'client_secret': secret})
        answer = self.ask('oauth/token', method='POST', body=form,
                          headers={'Content-Type': 'application/x-www-form-urlencoded'})[1]
        self.token = json.loads(answer)['access_token']

    def ask(self, target, method='GET', body=None, headers=None):
        """Follows absolute and relative targets; the answer has to be 200."""
        url = urllib.parse.urljoin(self.root, target)
        if not url.startswith(self.root):
            raise AssertionError('a link leads away: ' + url)
        headers = dict(headers or {})
        if self.token:
            headers['Authorization'] = 'Bearer ' + self.token
        parts = urllib.parse.urlsplit(url)
        for _ in range(20):
            self.connection.request(method, parts.path + ('?' + parts.query if parts.query else ''), body, headers)
            answer = self.connection.getresponse()
            text = answer.read().decode('utf-8')
            if answer.status not in (429, 503):
                break
            time.sleep(int(answer.headers['Retry-After']))
        if answer.status != 200:
            raise AssertionError('%s: %d %s' % (url, answer.status, text[:300]))
        return answer.headers, text

    def json(self, target, **how):
        headers, text = self.ask(target, **how)
        if not (headers.get('OData-Version') or '').startswith('4'):
            raise AssertionError(target + ': no OData-Version')
        return headers, json.loads(text, parse_int=Number, parse_float=Number,
                                   object_pairs_hook=once)


def once(pairs):
    """An object none of whose members is there twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise AssertionError('a member is there twice: %s' % [name for name, _ in pairs])
    return members


class Metadata:
    def __init__(self, text):
        tree = ET.fromstring(text)
        self.types = {}
        self.sets = {}
        self.bindings = collections.defaultdict(dict)
        for schema in tree.iter(EDM + 'Schema'):
            for entity in schema.iter(EDM + 'EntityType'):
                self.types[schema.get('Namespace') + '.' + entity.get('Name')] = entity
        for found in tree.iter(EDM + 'EntitySet'):
            self.sets[found.get('Name')] = self.types[found.get('EntityType')]
            for binding in found.iter(EDM + 'NavigationPropertyBinding'):
                self.bindings[found.get('Name')][binding.get('Path')] = binding.get('Target')
        for name, targets in self.bindings.items():
            for target in targets.values():
                assert target in self.sets, '%s is bound to %s, which is not there' % (name, target)
        for name, entity in self.types.items():
            fields = {one.get('Name') for one in entity.iter(EDM + 'Property')}
            keys = [one.get('Name') for one in entity.iter(EDM + 'PropertyRef')]
            assert keys and set(keys) <= fields, 'no key: ' + name
            for one in entity.iter(EDM + 'Property'):
                if one.get('Name') in keys:
                    assert one.get('Nullable') == 'false', 'a key may be null: ' + name

    def fields(self, resource):
        return {one.get('Name'): one for one in self.sets[resource].iter(EDM + 'Property')}

    def keys(self, resource):
        return [one.get('Name') for one in self.sets[resource].iter(EDM + 'PropertyRef')]

    def navigations(self, resource):
        return {one.get('Name'): one for one in self.sets[resource].iter(EDM + 'NavigationProperty')}


def lookup_of(field):
    for annotation in field.iter(EDM + 'Annotation'):
        if annotation.get('Term') in LOOKUP_TERMS:
            return annotation.get('String')
    return None


class Faults(collections.Counter):
    def note(self, *words):
        self[' '.join(str(word) for word in words)] += 1


def fault_of_number(value, edm, field):
    if not isinstance(value, Number):
        return 'is no number'
    if edm in BOUNDS:
        low, high = BOUNDS[edm]
        return None if re.fullmatch(r'-?\d+', value) and low <= int(value) <= high else 'is out of range'
    digits = re.fullmatch(r'-?0*(\d*?)(?:\.(\d*?)0*)?', value)
    if edm == 'Edm.Decimal' and digits:
        scale = field.get('Scale')
        behind = len(digits.group(2) or '')
        if scale is None and behind > 0 or scale and scale.isdigit() and behind > int(scale):
            return 'has more decimals than Scale'
        if field.get('Precision') and len(digits.group(1)) + behind > int(field.get('Precision')):
            return 'has more digits than Precision'
    return None


def fault_of_value(value, edm, field, lookups):
    """What is wrong with one value that is not null; None if nothing is."""
    if edm == 'Edm.String':
        if not isinstance(value, str) or isinstance(value, Number):
            return 'is no text'
        if field.get('MaxLength', 'max').isdigit() and len(value) > int(field.get('MaxLength')):
            return 'is longer than MaxLength'
        name = lookup_of(field)
        return 'is no value of its lookup' if name and value not in lookups[name] else None
    if edm == 'Edm.Boolean':
        return None if value is True or value is False else 'is no boolean'
    if edm == 'Edm.Double' and value in ('INF', '-INF', 'NaN'):
        return None
    if edm in BOUNDS or edm in ('Edm.Decimal', 'Edm.Double', 'Edm.Single'):
        return fault_of_number(value, edm, field)
    if edm in ('Edm.Date', 'Edm.DateTimeOffset'):
        form = DATE if edm == 'Edm.Date' else MOMENT
        if not isinstance(value, str) or not form.match(value):
            return 'is not written as one'
        if edm == 'Edm.Date' and value[:4].isdigit() and len(value) == 10:
            datetime.date.fromisoformat(value)
        fraction = re.search(r'\.(\d+)', value)
        return 'has a finer fraction than Precision' if fraction and len(fraction.group(1)) > int(field.get('Precision', 0)) else None
    return 'is of a type that this client does not know: ' + edm


def check_record(record, resource, metadata, lookups, faults, expanded):
    fields = metadata.fields(resource)
    navigations = metadata.navigations(resource)
    for name, value in record.items():
        if '@' in name:
            if name.split('@')[0] not in expanded and name.split('@')[0]:
                faults.note(resource, 'has an annotation of what was not asked for:', name)
            continue
        if name in navigations and name in expanded:
            target = metadata.bindings[resource][name]
            inside = value if isinstance(value, list) else [value]
            if navigations[name].get('Type').startswith('Collection(') != isinstance(value, list):
                faults.note(resource, name, 'is a list or is none')
            for one in inside:
                if one is not None:
                    check_record(one, target, metadata, lookups, faults, ())
            for bound in navigations[name].iter(EDM + 'ReferentialConstraint'):
                for one in inside:
                    if one is not None and one[bound.get('ReferencedProperty')] != record[bound.get('Property')]:
                        faults.note(resource, name, 'belongs to another record')
            continue
        if name not in fields:
            faults.note(resource, 'has what is not declared:', name)
            continue
        field = fields[name]
        edm = field.get('Type')
        if edm.startswith('Collection('):
            if not isinstance(value, list):
                faults.note(resource, name, 'is no list')
                continue
            for one in value:
                fault = 'is null' if one is None else fault_of_value(one, edm[11:-1], field, lookups)
                if fault:
                    faults.note(resource, name, fault, json.dumps(one)[:60])
        elif value is None:
            if field.get('Nullable') == 'false':
                faults.note(resource, name, 'is null')
        else:
            fault = fault_of_value(value, edm, field, lookups)
            if fault:
                faults.note(resource, name, fault, json.dumps(value)[:60])
    missing = set(fields) - set(record)
    if missing:
        faults.note(resource, 'lacks', sorted(missing))
    for name in expanded:
        if name not in record:
            faults.note(resource, 'lacks what was expanded:', name)


def walk(service, target, size):
    """Pages of a collection; sees that the server keeps to the size."""
    seen = set()
    count = None
    while target:
        assert target not in seen, 'a next link leads back: ' + target
        seen.add(target)
        headers, page = service.json(target, headers={'Prefer': 'odata.maxpagesize=%d' % size})
        assert headers.get('Preference-Applied') == 'odata.maxpagesize=%d' % size, headers.get('Preference-Applied')
        assert len(page['value']) <= size
        target = page.get('@odata.nextLink')
        assert target is None or len(page['value']) == size, 'a page that has a next one is not full'
        count = int(page['@odata.count']) if '@odata.count' in page else count
        yield page, count


def read(service, metadata, resource, lookups, faults, options='', expanded=(), size=PAGE):
    keys = metadata.keys(resource)
    found = collections.Counter()
    pages = 0
    total = None
    for page, total in walk(service, resource + '?$count=true' + options, size):
        pages += 1
        if not page['@odata.context'].startswith(service.root + '$metadata#' + resource):
            faults.note(resource, 'has the context', page['@odata.context'])
        for record in page['value']:
            found[tuple(record[key] for key in keys)] += 1
            check_record(record, resource, metadata, lookups, faults, expanded)
    twice = [key for key, n in found.items() if n > 1]
    if twice:
        faults.note(resource, 'has keys twice:', twice[:3])
    if total != len(found):
        faults.note(resource, 'has', len(found), 'records, and says', total)
    alone = int(service.ask(resource + '/$count')[1])
    if alone != total:
        faults.note(resource, 'counts', alone, 'and', total)
    print('%-10s %6d records, %3d pages%s' % (resource, len(found), pages, ' with ' + ', '.join(expanded) if expanded else ''))
    return {key[0] if len(key) == 1 else key for key in found}


def main():
    url, client_id, secret = sys.argv[1:4]
    service = Service(url, client_id, secret)
    faults = Faults()
    headers, text = service.ask('$metadata', headers={'Accept': 'application/xml'})
    metadata = Metadata(text)
    names = {one['name'] for one in service.json('')[1]['value']}
    if names != set(metadata.sets):
        faults.note('service document and $metadata differ:', names ^ set(metadata.sets))
    used = {lookup_of(field) for name in metadata.sets for field in metadata.fields(name).values()} - {None}
    lookups = collections.defaultdict(set)
    read(service, metadata, 'Lookup', lookups, faults)
    for page, _ in walk(service, 'Lookup?$select=LookupName,LookupValue', PAGE):
        for row in page['value']:
            if row['LookupValue'] in lookups[row['LookupName']]:
                faults.note('Lookup has twice:', row)
            lookups[row['LookupName']].add(row['LookupValue'])
    for name in sorted(used - set(lookups)):
        faults.note('fields name a lookup that has no rows:', name)
    for name in sorted(set(lookups) - used):
        faults.note('a lookup that no field names:', name)
    fields = set()
    for page, _ in walk(service, 'Field?$select=ResourceName,FieldName', PAGE):
        fields |= {(row['ResourceName'], row['FieldName']) for row in page['value']}
    declared = {(name, field) for name in metadata.sets for field in metadata.fields(name)}
    if fields - declared:
        faults.note('Field lists what $metadata has not:', sorted(fields - declared)[:5])
    if {one for one in declared - fields if one[0] not in ('Field', 'Lookup')}:
        faults.note('Field lacks:', sorted(declared - fields)[:5])
    wanted = sys.argv[4:] or sorted(set(metadata.sets) - {'Lookup'})
    for resource in wanted:
        keys = read(service, metadata, resource, lookups, faults)
        # The same in another order, in pages that fit nothing: the same keys.
        field = 'ModificationTimestamp' if 'ModificationTimestamp' in metadata.fields(resource) else metadata.keys(resource)[0]
        if read(service, metadata, resource, lookups, faults, '&$orderby=%s%%20desc' % field, size=97) != keys:
            faults.note(resource, 'has other keys in another order')
        navigations = sorted(metadata.navigations(resource))
        if navigations:
            options = '&$expand=' + ','.join(navigations)
            if read(service, metadata, resource, lookups, faults, options, tuple(navigations), 211) != keys:
                faults.note(resource, 'has other keys with $expand')
    for fault, n in sorted(faults.items()):
        print('FAULT %s (%d times)' % (fault, n))
    sys.exit(1 if faults else 0)


if __name__ == '__main__':
    main()
