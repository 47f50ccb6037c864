"""A full load of a Qobrix tenant by the pattern of requests of a pipeline that was
in use: each list page by page, then three calls for the media of each property and
project, one after another, then one call for the texts of each property in a second
language, ten at a time.

It is kind to that pattern: connections are kept, failures do not happen, and what
arrives is read as JSON and thrown away. Nothing is stored.

	old_pipeline.py URL API_USER API_KEY [SECONDS]

Where the media calls take longer than SECONDS (600) the rest of them is estimated
from those made; the order of the calls is shuffled so that these are a fair sample.
Prints one JSON object: for each kind of call the requests, the seconds, the bytes,
and how many of the requests were really made.
"""
import gzip
import http.client
import json
import queue
import random
import sys
import threading
import time
from urllib.parse import urlsplit

LISTS = ('properties', 'agents', 'contacts', 'users', 'property-viewings', 'opportunities', 'projects', 'project-features',
         'property-types', 'property-subtypes', 'locations', 'media/categories', 'bayut-locations', 'bazaraki-locations',
         'spitogatos-locations', 'property-finder-a-e-locations')
CATEGORIES = ('photos', 'documents', 'floorplans')
TRANSLATORS = 10
LANGUAGE = 'ru_RU'


class Client:
    """One connection to the tenant."""

    def __init__(self, url, user, key):
        parts = urlsplit(url)
        self.root, self.bytes, self.requests = parts.path, 0, 0
        self.connection = http.client.HTTPConnection(parts.netloc)
        self.headers = {'X-Api-User': user, 'X-Api-Key': key, 'Accept': 'application/json', 'Accept-Encoding': 'gzip'}

    def get(self, path):
        self.connection.request('GET', f'{self.root}/{path}', headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        self.bytes += len(body)
        self.requests += 1
        if answer.status != 200:
            sys.exit(f'{path}: {answer.status}')
        return json.loads(gzip.decompress(body) if answer.getheader('Content-Encoding') == 'gzip' else body)


def spent(start, clients, planned=None):
    """What some calls cost; if fewer were made than planned, in proportion."""
    seconds, made = time.monotonic() - start, sum(client.requests for client in clients)
    planned = planned or made
    return {'requests': planned, 'made': made, 'seconds': seconds * planned / made,
            'bytes': round(sum(client.bytes for client in clients) * planned / made)}


def read_lists(client):
    """Page after page of each list, unsorted; the ids of those that have media."""
    start, ids, records = time.monotonic(), {'properties': [], 'projects': []}, 0
    for name in LISTS:
        page = 1
        while True:
            answer = client.get(f'{name}?limit=100&page={page}')
            records += len(answer['data'])
            if name in ids:
                ids[name] += [record['id'] for record in answer['data']]
            if not answer['pagination']['has_next_page']:
                break
            page += 1
    return ids, spent(start, [client]) | {'records': records}


def read_media(client, ids, limit):
    calls = [(category, model, key) for model, name in (('Properties', 'properties'), ('Projects', 'projects'))
             for key in ids[name] for category in CATEGORIES]
    random.Random(1).shuffle(calls)
    start, seen = time.monotonic(), set()
    for category, model, key in calls:
        seen.update(item['id'] for item in client.get(f'media/by-category/{category}/{model}/{key}')['data'])
        if time.monotonic() - start > limit:
            break
    return spent(start, [client], len(calls)) | {'records': len(seen)}


def translate(client, keys):
    while True:
        try:
            key = keys.get_nowait()
        except queue.Empty:
            return
        client.get(f'properties/{key}/translations/{LANGUAGE}?fallback=false')


def read_translations(clients, properties):
    keys, start = queue.Queue(), time.monotonic()
    for key in properties:
        keys.put(key)
    threads = [threading.Thread(target=translate, args=(client, keys)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = spent(start, clients)
    if found['made'] != len(properties):
        sys.exit('a call for texts failed')
    return found


def main():
    url, user, key = sys.argv[1:4]
    limit = float(sys.argv[4]) if len(sys.argv) > 4 else 600
    ids, lists = read_lists(Client(url, user, key))
    media = read_media(Client(url, user, key), ids, limit)
    translations = read_translations([Client(url, user, key) for _ in range(TRANSLATORS)], ids['properties'])
    json.dump({'lists': lists, 'media': media, 'translations': translations}, sys.stdout)


main()
