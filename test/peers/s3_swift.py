"""A private OpenStack Swift that speaks S3 on loopback: writes rings and configurations into
a directory and runs its four servers until it is ended.

    s3_swift.py DIRECTORY PORT      the proxy listens on PORT, the others on the next three
"""
import os
import pwd
import signal
import subprocess
import sys

SERVERS = ("proxy", "account", "container", "object")
PIPELINE = "catch_errors proxy-logging cache listing_formats s3api tempauth bulk slo dlo proxy-logging proxy-server"


def configuration(directory, kind, port):
    common = "[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = %d\nworkers = 0\nuser = %s\nswift_dir = %s\ndevices = %s/devices\nmount_check = false\nlog_level = WARNING\n" % (
        port, pwd.getpwuid(os.getuid()).pw_name, directory, directory)
    if kind != "proxy":
        return common + "[pipeline:main]\npipeline = %s-server\n[app:%s-server]\nuse = egg:swift#%s\n" % (kind, kind, kind)
    filters = "".join("[filter:%s]\nuse = egg:swift#%s\n" % (name, name.replace("-", "_").replace("cache", "memcache"))
                      for name in ("catch_errors", "proxy-logging", "listing_formats", "bulk", "slo", "dlo"))
    return common + "[pipeline:main]\npipeline = " + PIPELINE + "\n[app:proxy-server]\nuse = egg:swift#proxy\nallow_account_management = true\naccount_autocreate = true\n" + filters + \
        "[filter:cache]\nuse = egg:swift#memcache\nmemcache_servers = 127.0.0.1:1\n[filter:s3api]\nuse = egg:swift#s3api\ns3_acl = false\nlocation = us-east-1\n" \
        "[filter:tempauth]\nuse = egg:swift#tempauth\nuser_test_tester = testing .admin .reseller_admin\n"


def serve(directory, kind):
    import swift.common.utils as utils
    utils.SWIFT_CONF_FILE = directory + "/swift.conf"
    utils.HASH_PATH_SUFFIX = utils.HASH_PATH_PREFIX = b"peers"
    from swift.common.wsgi import run_wsgi
    sys.exit(run_wsgi("%s/%s.conf" % (directory, kind), kind + "-server"))


def ring(directory, kind, port):
    import swift.common.utils as utils
    utils.SWIFT_CONF_FILE = directory + "/swift.conf"
    from swift.common.ring import RingBuilder
    builder = RingBuilder(4, 1, 0)
    builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1.0, "ip": "127.0.0.1", "port": port, "device": "d1",
                     "replication_ip": "127.0.0.1", "replication_port": port, "meta": ""})
    builder.rebalance()
    builder.get_ring().save("%s/%s.ring.gz" % (directory, kind))


def main():
    directory, port = sys.argv[1], int(sys.argv[2])
    if len(sys.argv) > 3:
        serve(directory, sys.argv[3])
    os.makedirs(directory + "/devices/d1", exist_ok=True)
    with open(directory + "/swift.conf", "w") as out:
        out.write("[swift-hash]\nswift_hash_path_suffix = peers\nswift_hash_path_prefix = peers\n[storage-policy:0]\nname = only\ndefault = yes\n")
    for number, kind in enumerate(SERVERS):
        with open("%s/%s.conf" % (directory, kind), "w") as out:
            out.write(configuration(directory, kind, port + number))
        if kind != "proxy":
            ring(directory, kind, port + number)
    children = [subprocess.Popen([sys.executable, __file__, directory, str(port), kind]) for kind in SERVERS]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        for child in children:
            child.wait()
    finally:
        for child in children:
            child.terminate()


main()
