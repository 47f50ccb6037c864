\set SHOW_CONTEXT never
-- The rules shipped for CREA's DDF, field by field, on records that go through their branches.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';

CREATE SERVER ddf FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'rets', platform 'crea', format 'standard-xml',
    url 'https://ddf.example.com/Login.svc/Login', key_prefix 'D-');
CREATE SCHEMA ddf;
CREATE FOREIGN TABLE ddf.property (id text OPTIONS (field '@ID') NOT NULL, last_updated timestamptz OPTIONS (field '@LastUpdated'),
    record jsonb OPTIONS (field '*')) SERVER ddf
    OPTIONS (resource 'Property', key '@ID', timestamp '@LastUpdated', expand 'AgentDetails,Photo/PropertyPhoto');
CREATE FOREIGN TABLE ddf.photo (listing_key text OPTIONS (field 'ListingKey') NOT NULL, sequence_id bigint OPTIONS (field 'SequenceId') NOT NULL,
    photo_last_updated timestamptz OPTIONS (field 'PhotoLastUpdated'), record jsonb OPTIONS (field '*')) SERVER ddf
    OPTIONS (resource 'Photo', key 'ListingKey,SequenceId', timestamp 'PhotoLastUpdated', parent 'Property.Photo/PropertyPhoto', parent_key 'ListingKey');
CREATE FOREIGN TABLE ddf.agent (id text OPTIONS (field '@ID') NOT NULL, last_updated timestamptz OPTIONS (field '@LastUpdated'),
    record jsonb OPTIONS (field '*')) SERVER ddf OPTIONS (resource 'Agent', key '@ID', timestamp '@LastUpdated');
CREATE FOREIGN TABLE ddf.office (id text OPTIONS (field '@ID') NOT NULL, last_updated timestamptz OPTIONS (field '@LastUpdated'),
    record jsonb OPTIONS (field '*')) SERVER ddf OPTIONS (resource 'Office', key '@ID', timestamp '@LastUpdated');
SELECT t, (mls_subscribe(t::regclass)).gold FROM unnest('{ddf.property,ddf.photo,ddf.agent,ddf.office}'::text[]) t;
SELECT f.foreign_table, c.* FROM mls.subscription f, mls_map_check(f.foreign_table) c WHERE f.source = 'ddf';
-- Shipped rules that these tables cannot follow.
SELECT m.source_resource, m.resource, m.field FROM mls.field_map m
 WHERE m.protocol = 'rets/crea' AND m.kind <> 'none' AND NOT EXISTS (SELECT FROM mls.subscription s, mls_map_explain(s.foreign_table) x
       WHERE s.source = 'ddf' AND s.resource = m.source_resource AND x.resource = m.resource AND x.field = m.field) ORDER BY 1, 2, 3;
-- Types that are not the dictionary's.
SELECT DISTINCT x.resource, x.field, x.type FROM mls.subscription s, mls_map_explain(s.foreign_table) x
  LEFT JOIN mls.dd_field d ON d.resource = x.resource AND d.field = x.field
 WHERE s.source = 'ddf' AND x.type IS DISTINCT FROM CASE d.type WHEN 'Edm.String' THEN 'text' WHEN 'Edm.Int64' THEN 'bigint'
       WHEN 'Edm.Decimal' THEN 'numeric' WHEN 'Edm.Boolean' THEN 'boolean' WHEN 'Edm.Date' THEN 'date'
       WHEN 'Edm.DateTimeOffset' THEN 'timestamp with time zone' END || CASE WHEN d.is_collection THEN '[]' ELSE '' END;

INSERT INTO bronze.ddf_property (key, modified_at, modified, record, fetched_at, run_id)
SELECT j ->> '@ID', (j ->> '@LastUpdated')::timestamptz, j ->> '@LastUpdated', j, now(), 0 FROM (VALUES (json '{
 "@ID": "11000001", "@LastUpdated": "Fri, 03 May 2024 14:05:09 GMT", "ListingID": " X400123 ",
 "AgentDetails": [{"@ID": "900001", "Name": "PAT SAMPLE", "Phones": {"Phone": [{"@ContactType": "Home", "@PhoneType": "Telephone", "#text": "(555) 010-0009"}, {"@ContactType": "Business", "@PhoneType": "Telephone", "#text": "(555) 010-0001"}, {"@ContactType": "Business", "@PhoneType": "Fax", "#text": "(555) 010-0002"}]},
   "Websites": {"Website": [{"@WebsiteType": "Facebook", "#text": "http://face.example"}, {"@WebsiteType": "Website", "#text": "http://agent.example"}]},
   "Office": {"@ID": "70001", "Name": "EXAMPLE REALTY", "Phones": {"Phone": [{"@PhoneType": "Telephone", "#text": "(555) 010-0100"}, {"@PhoneType": "Fax", "#text": "(555) 010-0101"}]}, "Websites": {"Website": {"@WebsiteType": "Website", "#text": "http://office.example"}}}},
  {"@ID": "900002", "Name": "KIM OTHER", "Office": {"@ID": "70002", "Name": "OTHER REALTY"}}],
 "Board": "82", "MoreInformationLink": "https://www.realtor.example/11000001", "ListingContractDate": "01/05/2024",
 "PropertyType": "Single Family", "TransactionType": "For sale or rent", "OwnershipType": "Leasehold Condo/Strata",
 "Price": "1,499,900.00", "Lease": "3,200", "LeasePerTime": "Monthly", "LeaseType": "Gross Escalating, Other, See Remarks", "LeaseTermRemaining": "18", "LeaseTermRemainingFreq": "Monthly",
 "MaintenanceFee": "450.50", "MaintenanceFeePaymentUnit": "Monthly", "MaintenanceFeeType": "Heat, Water, Gym towels", "ManagementCompany": "Best Managers",
 "Building": {"BathroomTotal": "3", "HalfBathTotal": "1", "BedroomsAboveGround": "3", "BedroomsBelowGround": "1", "StoriesTotal": "1.5", "ConstructedDate": "circa 1987",
  "ConstructionStatus": "New", "ConstructionStyleAttachment": "Semi-detached", "SizeInterior": "1,850 sqft", "TotalFinishedArea": "1600 - 1800 square feet", "SizeExterior": "200 m2",
  "Type": "House, Yurt", "ArchitecturalStyle": "Bungalow", "Appliances": "Dishwasher, Washer, Flux capacitor", "CoolingType": "Central air conditioning", "ExteriorFinish": "Brick, Vinyl", "ConstructionMaterial": "Wood frame",
  "FlooringType": "Hardwood, Carpeted", "FoundationType": "Poured Concrete", "RoofMaterial": "Asphalt shingle", "RoofStyle": "Flat", "UtilityWater": "Municipal water", "UtilityPower": "Underground", "Amperage": "200 Amp",
  "FireProtection": "Smoke Detectors", "HeatingType": "Forced air", "HeatingFuel": "Natural gas", "BasementType": "Full (Unfinished)", "BasementDevelopment": "Unfinished", "BasementFeatures": "Walk out",
  "FireplacePresent": "True", "FireplaceTotal": "2", "FireplaceType": "Insert", "FireplaceFuel": "Wood", "Amenities": "Recreational, Games room, Sauna", "Anchor": "Corner Foods", "VacancyRate": "2.5",
  "Rooms": {"Room": [{"Type": "Kitchen"}, {"Type": "Bedroom"}]}},
 "Land": {"SizeTotal": "2 ha", "SizeTotalText": "2 ha|lot", "SizeFrontage": "50 ft", "SizeDepth": "120 ft", "AccessType": "Highway access", "FrontsOn": "See Remarks", "CurrentUse": "Agriculture", "FenceType": "Chain link", "LandscapeFeatures": "Partially landscaped", "Sewer": "Septic System", "PastureTotal": "3 ac", "Amenities": "Golf Nearby"},
 "Address": {"StreetAddress": "22 MAPLE Road", "StreetNumber": "22A", "StreetName": "MAPLE", "UnitNumber": "4", "AdditionalStreetInfo": "rear", "StreetSuffix": "Road", "StreetDirectionPrefix": "Nord-ouest", "StreetDirectionSuffix": "West", "City": "Montréal (Plateau)", "Province": "Newfoundland & Labrador", "PostalCode": "a1a1a1", "Country": "Canada", "Subdivision": "334 - Crescent", "Latitude": "43.5", "Longitude": "-79.5"},
 "LocationDescription": "Turn left", "MunicipalId": "M-1", "Plan": "PLAN 7", "TotalBuildings": "2", "PublicRemarks": "Sunny & bright",
 "Features": "Cul-de-sac, Wet bar, One Balcony, Wheelchair access, In suite Laundry, Paved driveway, Treehouse", "CommunityFeatures": "Pets Allowed, Adult Oriented", "AmmenitiesNearBy": "Airport",
 "EquipmentType": "None", "RentalEquipmentType": "Water Heater", "Structure": "Shed", "PoolType": "Inground pool", "PoolFeatures": "Heated pool", "RoadType": "Paved road", "ViewType": "City view",
 "WaterFrontType": "Waterfront, Road Between, Deeded water access", "WaterFrontName": "Lake One", "ZoningDescription": "R1", "ZoningType": "Residential", "DocumentType": "Survey", "IrrigationType": "Sprinkler",
 "Business": {"BusinessType": "Retail", "BusinessSubType": "Books", "Name": "Old Books", "EstablishedDate": "since 1999"},
 "AlternateURL": {"VideoLink": "https://v.example", "MapLink": "https://m.example", "BrochureLink": "https://b.example", "PhotoLink": "https://p.example", "SoundLink": "https://s.example"},
 "ParkingSpaceTotal": "5", "ParkingSpaces": {"Parking": [{"Name": "Attached garage", "Spaces": "2"}, {"Name": "Carport", "Spaces": "1"}, {"Name": "Helipad", "Spaces": "1"}]},
 "UtilitiesAvailable": {"Utility": [{"Type": "Water", "Description": "Available"}, {"Type": "Sewer", "Description": "Not available"}, {"Type": "Electricity", "Description": "Connected"}]},
 "Photo": {"PropertyPhoto": [{"SequenceId": "2", "Description": "Front", "LastUpdated": "03/05/2024 10:05:09 AM", "PhotoLastUpdated": "Fri, 03 May 2024 14:05:09 GMT", "LargePhotoURL": "https://p.example/2.jpg", "PhotoURL": "https://p.example/s2.jpg"}, {"SequenceId": "3", "LastUpdated": "04/05/2024 12:05:09 AM", "ThumbnailURL": "https://p.example/t3.jpg"}]}}'),
('{"@ID": "2", "@LastUpdated": "Thu, 02 May 2024 01:00:00 GMT", "ListingID": "B2", "Board": null, "PropertyType": "Office", "TransactionType": "For lease", "OwnershipType": "Freehold", "Price": "0", "Lease": "15", "MaintenanceFee": "0",
 "AgentDetails": {"@ID": "900002", "Name": "KIM OTHER"}, "Building": {"StoriesTotal": "4", "ConstructionStyleAttachment": "Detached", "CoolingType": "None", "HeatingType": "No heat", "BasementType": "N/A", "ConstructedDate": "2001", "FireplacePresent": "", "FireplaceTotal": "1"},
 "Land": {"SizeTotalText": "2 - 4.99 acres"}, "Address": {"AddressLine1": "1 First", "AddressLine2": "Floor 2", "Province": "Ontario", "PostalCode": "K1A 0B1", "Country": "France", "Latitude": "0", "Longitude": "0", "Neighbourhood": "Centre"},
 "ParkingSpaces": {"Parking": {"Name": "No Garage"}}, "WaterFrontType": "Deeded water access", "PoolType": "None", "ViewType": "Unknown", "RentalEquipmentType": "None", "Photo": null}'),
('{"@ID": "3", "@LastUpdated": "Thu, 02 May 2024 02:00:00 GMT", "PropertyType": "Multi-family", "TransactionType": "For sale", "Price": "about 5", "Building": {"BathroomTotal": "1", "HalfBathTotal": "2", "ConstructionStyleSplitLevel": "Backsplit", "FireplacePresent": "false"},
 "Land": {"SizeTotal": "Unknown", "SizeTotalText": "50 x 120 FT"}, "ListingContractDate": "2024-04-30", "ParkingSpaces": {"Parking": [{"Name": "Detached Garage", "Spaces": "1"}]}, "Address": {"Country": "United States"}}')) v (j);
INSERT INTO bronze.ddf_photo (key, modified_at, modified, record, fetched_at, run_id, parent)
SELECT '11000001|' || n, NULL, NULL, p, now(), 0, 'Property/11000001'
  FROM bronze.ddf_property b, jsonb_array_elements(b.record::jsonb #> '{Photo,PropertyPhoto}') WITH ORDINALITY e (p, i), LATERAL (SELECT p ->> 'SequenceId' AS n) s WHERE b.key = '11000001';
INSERT INTO bronze.ddf_agent (key, modified_at, modified, record, fetched_at, run_id)
SELECT j ->> '@ID', (j ->> '@LastUpdated')::timestamptz, j ->> '@LastUpdated', j, now(), 0 FROM (VALUES (json '{"@ID": "900001", "@LastUpdated": "Mon, 29 Apr 2024 10:00:00 GMT", "Name": "PAT VAN SAMPLE", "Position": "Salesperson",
 "Phones": {"Phone": [{"@ContactType": "Business", "@PhoneType": "Telephone", "#text": "1"}, {"@PhoneType": "Fax", "#text": "2"}, {"@PhoneType": "Cell", "#text": "3"}, {"@PhoneType": "Toll Free", "#text": "4"}, {"@PhoneType": "Pager", "#text": "5"}]},
 "Office": {"@ID": "70001", "Name": "EXAMPLE REALTY"}, "Designations": {"Designation": ["ABR", "Member, Appraisal Institute"]}, "Languages": {"Language": ["English", "Klingon"]},
 "Address": {"StreetAddress": "1 A St", "City": "Sampleton", "Province": "Québec", "PostalCode": "h2x1y4", "Country": "Canada"}}'),
 ('{"@ID": "900003", "@LastUpdated": "Mon, 29 Apr 2024 11:00:00 GMT", "Name": "CHER", "Phones": {"Phone": {"@PhoneType": "Mobile", "#text": "6"}}, "Languages": {"Language": "French"}}')) v (j);
INSERT INTO bronze.ddf_office (key, modified_at, modified, record, fetched_at, run_id)
SELECT j ->> '@ID', (j ->> '@LastUpdated')::timestamptz, j ->> '@LastUpdated', j, now(), 0 FROM (VALUES (json '{"@ID": "70001", "@LastUpdated": "Mon, 29 Apr 2024 10:00:00 GMT", "Name": "EXAMPLE REALTY", "LogoLastUpdated": "2024-04-29 6:00:00 PM", "OrganizationType": "Firm", "Franchisor": "Independent",
 "Address": {"StreetAddress": "1 FIRST ST", "AddressLine2": "Suite 5", "City": "Sampleton", "Province": "Ontario", "PostalCode": "A1A1A1", "Country": "Canada"},
 "Phones": {"Phone": [{"@ContactType": "Business", "@PhoneType": "Telephone", "#text": "7"}, {"@PhoneType": "Fax", "#text": "8"}]}}')) v (j);
SELECT mls_rebuild('ddf.property'), mls_rebuild('ddf.photo'), mls_rebuild('ddf.agent'), mls_rebuild('ddf.office');
SELECT field, reason FROM mls.issue;

-- Each field of each row.
SELECT g."ListingKey", e.key AS field, e.value FROM gold.property g, jsonb_each_text(to_jsonb(g)) e
 WHERE e.value IS NOT NULL AND e.key NOT LIKE 'mls\_%' ORDER BY length(g."ListingKey") DESC, 1, e.key COLLATE "C";
SELECT g."MediaKey", e.key AS field, e.value FROM gold.media g, jsonb_each_text(to_jsonb(g)) e
 WHERE e.value IS NOT NULL AND e.key NOT LIKE 'mls\_%' AND e.key <> 'MediaKey' ORDER BY g."MediaKey" COLLATE "C", e.key COLLATE "C";
SELECT g."MemberKey", e.key AS field, e.value FROM gold.member g, jsonb_each_text(to_jsonb(g)) e
 WHERE e.value IS NOT NULL AND e.key NOT LIKE 'mls\_%' AND e.key <> 'MemberKey' ORDER BY 1, e.key COLLATE "C";
SELECT g."OfficeKey", e.key AS field, e.value FROM gold.office g, jsonb_each_text(to_jsonb(g)) e
 WHERE e.value IS NOT NULL AND e.key NOT LIKE 'mls\_%' AND e.key <> 'OfficeKey' ORDER BY 1, e.key COLLATE "C";

SELECT count(mls_unsubscribe(t::regclass)) FROM unnest('{ddf.photo,ddf.property,ddf.agent,ddf.office}'::text[]) t;
DROP SCHEMA ddf, bronze, silver, gold, reso CASCADE;
DELETE FROM mls.run;
DELETE FROM mls.issue;
DROP SERVER ddf CASCADE;
