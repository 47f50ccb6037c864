"""Photos of the test server, and what others do to the bucket that keeps them.

    s3_media.py SOURCE ENDPOINT begin | replace | remove | spoil
"""
import json
import sys
import urllib.request

import botocore.config
import botocore.session

source, endpoint, step = sys.argv[1:4]


def control(path, **said):
    request = urllib.request.Request("%s/_control/%s" % (source, path), json.dumps(said).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request).read()


def photo(kind, key, day):
    return {"MediaURL": "%s/cdn/%s/%s" % (source, kind, key), "MediaCategory": "Photo", "MediaModificationTimestamp": "2026-01-%02dT00:00:00Z" % day}


def bucket():
    settings = botocore.config.Config(signature_version="s3v4", s3={"addressing_style": "path"})
    return botocore.session.get_session().create_client("s3", region_name="us-east-1", endpoint_url=endpoint, aws_access_key_id="test:tester",
                                                        aws_secret_access_key="testing", config=settings)


keys = json.load(urllib.request.urlopen(source + "/_control/keys?resource=Media"))
if step == "begin":
    for key in keys:
        control("set", resource="Media", keys=[key], fields=photo("jpeg", key, 1))
elif step == "replace":
    control("update", resource="Media", keys=keys[:5], fields=photo("png", "shared", 2))
elif step == "remove":
    control("delete", resource="Media", keys=keys[5:15])
elif step == "spoil":
    s3 = bucket()
    names = sorted(entry["Key"] for entry in s3.list_objects_v2(Bucket="photos", Prefix="media/")["Contents"] if not entry["Key"].endswith(".mls_store"))
    s3.delete_object(Bucket="photos", Key=names[0])
    s3.put_object(Bucket="photos", Key=names[1], Body=b"others")
    s3.put_object(Bucket="photos", Key="media/00/%s.jpg" % ("00" + "f" * 62), Body=b"stray")
