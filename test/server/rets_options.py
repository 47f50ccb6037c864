"""How the RETS server is configured; tests change it through the control API."""
from dataclasses import dataclass, field, fields as dataclass_fields


@dataclass
class RetsOptions:
    # login and session
    scheme: str = "digest"          # digest, basic, both, none
    qop: str = "auth"               # what the challenge says; null: the old form without
    realm: str = "RETS Demo"
    nonce_uses: int = None          # requests until a nonce is stale
    tell_stale: bool = True         # whether the new challenge says stale=true
    cookie_on: str = "401"          # the answer that sets the cookie: 401, 200
    cookie_name: str = "RETS-Session-ID"
    ua_password: str = None         # asked for in RETS-UA-Authorization when set
    sessions: int = None            # 20022 while so many are open
    second_login: str = "20022"     # a login in a session that is open: 20022, or ok
    session_uses: int = None        # transactions until the session is lost
    lost: str = "20701"             # 20701, 20037, 401, 412, html: how that is told
    quota: int = None               # transactions until 20210
    # the login answer
    urls: str = "relative"          # relative, absolute, or an origin
    line_end: str = "\r\n"
    equals: str = "="               # Variman writes ' = '
    version: str = "1.7.2"          # the newest version spoken
    info_lines: bool = None         # Info= lines; null: when 1.8 is spoken
    action: bool = False            # an Action URL, which must be visited first
    timeout: int = 1800
    # metadata
    zone: str = "Z"                 # TimeZoneOffset; values without offset are in it
    wildcard: bool = True           # whether METADATA-SYSTEM and RESOURCE take ID=*
    metadata_compact: int = None    # the reply code that refuses COMPACT metadata
    metadata_absent: str = ""       # types that are not offered, as words: 20501
    metadata_denied: str = None     # a class (Property:RES) or resource whose metadata is not permitted: 20507
    metadata_none: str = "code"     # code, status, empty: how 'nothing there' is told
    # search
    dialect: str = "standard"       # ddf: CREA's three queries and nested records
    max_rows: int = 1000
    over_limit: str = "maxrows"     # maxrows, 20208, both, silent: how a cut answer is told
    exact_maxrows: bool = False     # MAXROWS also when nothing is left
    no_rows: str = "code"           # code, status, empty
    offset: str = "ok"              # ok, refused, ignored, unstable
    limit: str = "ok"               # ok, ignored
    most_limit: int = None          # 20208 without a record when more are asked for
    gzip: bool = True               # whether answers are compressed for who takes it
    grammar: str = "nar"            # nar: what the servers of one code base take, not all of DMQL2; standard
    refused_forms: str = ""         # of or, list, quoted, match: refused with 20206 besides
    empty_query: bool = False       # an empty query means all records
    delimiter: str = "09"
    trailing_delimiter: bool = True
    key_index: bool = True          # HasKeyIndex, and no cap for key lists
    naive_stamps: bool = False      # date-times without offset, in `zone`
    case_insensitive: bool = False
    count_last: bool = False
    # objects
    no_object: int = 200            # the status with which 20403 comes for a single object
    location: bool = True           # whether Location=1 is supported
    location_ignored: bool = False
    boundary: str = '"rets boundary"'   # as written in Content-Type
    bare_lf: bool = False
    close_boundary: bool = True
    header_errors: bool = False     # RETS errors among the part headers
    comma_numbers: bool = False     # CREA: key:1,2 means two objects of one listing
    location_only: bool = False     # addresses come whatever was asked for
    object_order: bool = False      # objects are numbered by the Order of their media, not by their place
    object_spoilt: dict = field(default_factory=dict)   # {number: a reply code or html}: what comes in an object's place
    object_limit: int = 50          # entities per request: 20410

    def change(self, name, value):
        if name not in [item.name for item in dataclass_fields(self)]:
            raise ValueError("unknown RETS option " + name)
        setattr(self, name, value)
