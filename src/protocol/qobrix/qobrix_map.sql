-- Rules of Qobrix that are written from others: see qobrix_map.tsv, whose values win.

-- Codes of features that spell a value of the dictionary.
INSERT INTO mls.value_map (protocol, lookup, value, result, shipped)
SELECT DISTINCT ON (1, 2, 3) 'qobrix', 'qobrix_' || f.source,
       pg_catalog.btrim(pg_catalog.lower(pg_catalog.regexp_replace(d.value, '[^A-Za-z0-9]+', '_', 'g')), '_'), d.value, true
  FROM (VALUES
  ('View', 'view'),
  ('PoolFeatures', 'pool_features'),
  ('Heating', 'heating'),
  ('Cooling', 'cooling'),
  ('Flooring', 'flooring'),
  ('FireplaceFeatures', 'fireplace_features'),
  ('WaterfrontFeatures', 'waterfront_features'),
  ('PatioAndPorchFeatures', 'patio_porch'),
  ('OtherStructures', 'other_structures'),
  ('AssociationAmenities', 'association_amenities'),
  ('Fencing', 'fencing'),
  ('Appliances', 'appliances'),
  ('ExteriorFeatures', 'exterior_features'),
  ('CommunityFeatures', 'community_features'),
  ('LotFeatures', 'lot_features'),
  ('SecurityFeatures', 'security_features')) f (lookup, source)
  JOIN mls.dd_lookup d ON d.lookup_name = f.lookup
 ORDER BY 1, 2, 3, d.value
ON CONFLICT ON CONSTRAINT value_map_pkey DO NOTHING;

-- One ladder tells how far a building is; the fields that say so follow it.
WITH ladder (sql, optional) AS (VALUES ($$CASE
    WHEN r.custom_resale::text = 'true' THEN 'existing'
    WHEN r.custom_presale::text = 'true' AND r.new_build THEN 'proposed'
    WHEN r.construction_stage IN ('off_plan', 'offplans', 'planning') THEN 'proposed'
    WHEN r.construction_stage IN ('construction_phase', 'under_construction', 'unfinished') THEN 'started'
    WHEN r.construction_stage = 'resale' THEN 'existing'
    WHEN r.construction_stage = 'completed' AND coalesce(r.new_build, r.developer_id <> '', false) THEN 'new'
    WHEN r.construction_stage = 'completed' THEN 'existing'
    WHEN project.custom_resale::text = 'true' THEN 'existing'
    WHEN project.construction_stage IN ('off_plan', 'offplans', 'planning') THEN 'proposed'
    WHEN project.construction_stage IN ('construction_phase', 'under_construction', 'unfinished') THEN 'started'
    WHEN r.new_build THEN 'new'
    WHEN NOT r.new_build THEN 'existing' END$$,
    '{r.custom_resale,r.custom_presale,project.custom_resale,project.construction_stage}'::text[]))
INSERT INTO mls.field_map (protocol, source_resource, resource, field, kind, arguments, shipped)
SELECT 'qobrix', 'properties', 'Property', f.field, 'expression',
       ARRAY[pg_catalog.replace(f.sql, 'ladder', l.sql)] || l.optional, true
  FROM ladder l, (VALUES
  ('DevelopmentStatus', $$CASE ladder WHEN 'proposed' THEN ARRAY['Proposed'] WHEN 'started' THEN ARRAY['Under Construction'] WHEN 'new' THEN ARRAY['Completed'] WHEN 'existing' THEN ARRAY['Completed'] END$$),
  ('NewConstructionYN', $$ladder <> 'existing'$$),
  ('PropertyCondition', $$nullif(array_remove(ARRAY[CASE ladder WHEN 'proposed' THEN 'To Be Built' WHEN 'started' THEN 'Under Construction' WHEN 'new' THEN 'New Construction' END, CASE WHEN r.renovation_year > r.construction_year THEN 'Updated/Remodeled' END], NULL), '{}')$$)) f (field, sql);

-- What kind it is: by the code, or by the base type that a tenant gave to a code of its own.
WITH kind (sql) AS (VALUES ($$CASE
    WHEN r.property_type IN ('apartment', 'house') THEN 'residential'
    WHEN r.property_type IN ('office', 'retail', 'building', 'hotel', 'industrial', 'investment', 'parking_lot') THEN 'commercial'
    WHEN r.property_type = 'land' THEN 'land'
    ELSE lower(btrim(type.base_type::text)) END$$)),
offer (variant, sql) AS (VALUES ('*', $$CASE WHEN r.sale_rent = 'for_rent' THEN 'lease' ELSE 'sale' END$$), ('lease', $$'lease'$$)),
field (name, sql) AS (VALUES
  ('PropertyType', $$CASE kind WHEN 'residential' THEN CASE offer WHEN 'lease' THEN 'Residential Lease' ELSE 'Residential' END WHEN 'commercial' THEN CASE offer WHEN 'lease' THEN 'Commercial Lease' ELSE 'Commercial Sale' END WHEN 'land' THEN 'Land' END$$),
  ('X_PropertyClass', $$CASE kind WHEN 'residential' THEN CASE offer WHEN 'lease' THEN 'RLSE' ELSE 'RESI' END WHEN 'commercial' THEN CASE offer WHEN 'lease' THEN 'COML' ELSE 'COMS' END WHEN 'land' THEN 'LAND' END$$))
INSERT INTO mls.field_map (protocol, source_resource, resource, variant, field, kind, arguments, shipped)
SELECT 'qobrix', 'properties', 'Property', o.variant, f.name, 'expression',
       ARRAY[pg_catalog.replace(pg_catalog.replace(f.sql, 'kind', k.sql), 'offer', o.sql), 'type.base_type'], true
  FROM kind k, offer o, field f;
