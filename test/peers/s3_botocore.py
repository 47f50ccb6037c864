"""Amazon's own client against a service of S3: that it is let in proves that the test server
asks what Amazon asks, and it makes and reads what the extension reads and makes.

    s3_botocore.py ENDPOINT ACCESS_KEY SECRET_KEY BUCKET [make]
"""
import sys
import urllib.request

import botocore.config
import botocore.exceptions
import botocore.session

endpoint, key, secret, bucket = sys.argv[1:5]
settings = botocore.config.Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 0})


def client(secret_key):
    return botocore.session.get_session().create_client("s3", region_name="us-east-1", endpoint_url=endpoint, aws_access_key_id=key,
                                                        aws_secret_access_key=secret_key, config=settings)


s3 = client(secret)
if sys.argv[5:] == ["make"]:
    s3.create_bucket(Bucket=bucket)
names = ["odd/a+b =(c)'!*,;&$%41:@/é~.txt", "plain.txt", "key-type", "key"]
for number, name in enumerate(names):
    s3.put_object(Bucket=bucket, Key=name, Body=b"x" * number, ContentType="text/plain")
    assert s3.head_object(Bucket=bucket, Key=name)["ContentLength"] == number, name
    assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == b"x" * number, name
found, token = [], {}
while True:
    page = s3.list_objects_v2(Bucket=bucket, MaxKeys=3, **token)
    found += [entry["Key"] for entry in page.get("Contents", [])]
    if not page["IsTruncated"]:
        break
    token = {"ContinuationToken": page["NextContinuationToken"]}
assert set(names) <= set(found), found
link = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": names[0]}, ExpiresIn=60)
with urllib.request.urlopen(link) as answer:
    assert answer.status == 200
upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
parts = [{"PartNumber": n, "ETag": s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=n, Body=body)["ETag"]}
         for n, body in ((1, b"a" * (5 << 20)), (2, b"b"))]
s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
assert s3.head_object(Bucket=bucket, Key="parts")["ContentLength"] == (5 << 20) + 1
s3.abort_multipart_upload(Bucket=bucket, Key="left", UploadId=s3.create_multipart_upload(Bucket=bucket, Key="left")["UploadId"])
gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": name} for name in names + ["parts"]], "Quiet": True})
assert not gone.get("Errors"), gone
try:
    client(secret + "x").list_objects_v2(Bucket=bucket)
    raise SystemExit("a wrong secret was let in")
except botocore.exceptions.ClientError as refusal:
    assert refusal.response["Error"]["Code"] == "SignatureDoesNotMatch", refusal
print("ok - botocore at %s" % endpoint)
