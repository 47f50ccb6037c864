"""How the Qobrix tenant behaves; tests change it through the control API."""
from dataclasses import dataclass, fields as dataclass_fields


@dataclass
class QobrixOptions:
    # login
    api_user: str = "11111111-1111-4111-8111-111111111111"
    api_key: str = "header-key-value"
    otp: str = None                     # a second factor is asked for when set
    expires_in: int = 3600              # of a session token
    # lists
    max_limit: int = 100
    over_limit: str = "clamp"           # clamp, error (400): a limit above the maximum
    past_end: str = "empty"             # empty, error (404): a page behind the last
    unsorted: str = "stable"            # stable, shift: without sort[] the order changes with each page
    trashed: str = "only"               # only, both: what trashed=true lists
    fields_expand: bool = False         # whether fields[] leaves the embedded records there
    unknown_fields: str = "ignore"      # ignore, error (500): unknown names in fields[]
    count: bool = True                  # whether the pagination tells count and page_count
    # search
    case_insensitive: bool = False
    bad_search: int = 500               # the status for an expression that cannot be read
    ignore_search: bool = False         # as if no filter had been given
    # values
    stamps: str = "naive"               # naive, z, offset (+00:00), local (+02:00), blank (a blank for the T), mixed
    numbers_as_text: bool = False
    omit_nulls: bool = False
    trash_moves_modified: bool = False
    media_moves_modified: bool = False  # whether a changed medium touches its owner
    # media
    media_shape: str = "array"          # array, grouped (by category name)
    inline_project_media: bool = False  # whether a property's list entry has its project's media
    absolute_urls: bool = False
    # documents
    schema: bool = True                 # false: /schema answers 403
    schema_null: str = "nullable"       # nullable, type: how the schema tells that null is allowed
    envelope: bool = False              # whether /schema and /tenant wrap their answer in data
    tenant: int = 200                   # another status: /tenant answers it, with an error
    changes: bool = True                # false: the audit log answers 403
    area: str = "sqm"
    dimension: str = "m"
    distance: str = "km"
    currency: str = "EUR"

    def change(self, name, value):
        if name not in [item.name for item in dataclass_fields(self)]:
            raise ValueError("unknown Qobrix option " + name)
        setattr(self, name, value)
