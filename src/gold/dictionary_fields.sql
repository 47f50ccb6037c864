-- Data Dictionary 2.0: the fields, by resource and kind, each kind with what its fields differ in.

-- Association

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Association', 'Edm.String', v.* FROM (VALUES
  ('AssociationAddress1', 50), ('AssociationAddress2', 50), ('AssociationCareOf', 30),
  ('AssociationCity', 50), ('AssociationFax', 16), ('AssociationKey', 255),
  ('AssociationMailAddress1', 50), ('AssociationMailAddress2', 50),
  ('AssociationMailCareOf', 30), ('AssociationMailCity', 50), ('AssociationMailPostalCode', 10),
  ('AssociationMailPostalCodePlus4', 4), ('AssociationMlsId', 25), ('AssociationName', 255),
  ('AssociationNationalAssociationId', 25), ('AssociationPhone', 16),
  ('AssociationPostalCode', 10), ('AssociationPostalCodePlus4', 4),
  ('ExecutiveOfficerMemberMlsId', 25), ('MultipleListingServiceId', 25),
  ('OriginatingSystemAssociationKey', 255), ('OriginatingSystemId', 25),
  ('OriginatingSystemName', 255), ('SocialMediaUrlOrId', 8000),
  ('SourceSystemAssociationKey', 255), ('SourceSystemId', 25), ('SourceSystemName', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'Association', 'Edm.String', v.* FROM (VALUES
  ('ExecutiveOfficerMemberKey', 255, 'Member', 'MemberKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Association', 'Edm.String', false, v.* FROM (VALUES
  ('AssociationCountry', 2, 'Country'), ('AssociationCountyOrParish', 50, 'CountyOrParish'),
  ('AssociationMailCountry', 2, 'Country'),
  ('AssociationMailCountyOrParish', 50, 'CountyOrParish'),
  ('AssociationMailStateOfProvince', 2, 'StateOrProvince'),
  ('AssociationStateOrProvince', 2, 'StateOrProvince'),
  ('AssociationStatus', 25, 'AssociationStatus'), ('AssociationType', 50, 'AssociationType'),
  ('SocialMediaType', 25, 'SocialMediaType')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Association', 'Edm.Date', v.* FROM (VALUES
  ('AssociationCharterDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Association', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('OriginalEntryTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'Association', true, v.* FROM (VALUES
  ('org.reso.metadata.Member', 'AssociationMember', false, 'Member', NULL, NULL),
  ('org.reso.metadata.SocialMedia', 'AssociationSocialMedia', true, 'SocialMedia', NULL, NULL),
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, NULL),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', NULL, NULL),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', NULL, NULL)) v;

-- Caravan

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Caravan', 'Edm.String', v.* FROM (VALUES
  ('CancellationPolicyUrl', 8000), ('CaravanAreaDescription', 1024),
  ('CaravanBlackoutDates', 1024), ('CaravanDaysRecurring', 50),
  ('CaravanInputDeadlineDescription', 50), ('CaravanKey', 255), ('CaravanName', 50),
  ('CaravanOrganizerContactInfo', 255), ('CaravanOrganizerMlsId', 25),
  ('CaravanOrganizerName', 255), ('CaravanPolicyUrl', 8000), ('CaravanRemarks', 500),
  ('CaravanStartLocation', 50), ('CaravanStartLocationGiveaways', 255),
  ('CaravanStartLocationRefreshments', 255), ('OriginatingSystemId', 25),
  ('OriginatingSystemKey', 255), ('OriginatingSystemName', 255), ('SourceSystemId', 25),
  ('SourceSystemKey', 255), ('SourceSystemName', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'Caravan', 'Edm.String', v.* FROM (VALUES
  ('CaravanOrganizerKey', 255, '*', NULL)) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Caravan', 'Edm.String', false, v.* FROM (VALUES
  ('CaravanOrganizerResourceName', 255, 'CaravanResourceName'),
  ('CaravanStatus', 25, 'CaravanStatus'), ('CaravanType', 25, 'CaravanType')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Caravan', 'Edm.String', true, v.* FROM (VALUES
  ('CaravanAllowedClassNames', 50, 'CaravanAllowedClassNames'),
  ('CaravanAllowedStatuses', 50, 'CaravanAllowedStatuses')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Caravan', 'Edm.Date', v.* FROM (VALUES
  ('CaravanDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Caravan', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('CaravanEndTime'), ('CaravanInputDeadlineTimestamp'), ('CaravanStartTime'),
  ('ModificationTimestamp'), ('OriginalEntryTimestamp')) v;

-- CaravanStop

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'CaravanStop', 'Edm.String', v.* FROM (VALUES
  ('CaravanStopKey', 255), ('OriginatingSystemId', 25), ('OriginatingSystemKey', 255),
  ('OriginatingSystemName', 255), ('SourceSystemId', 25), ('SourceSystemKey', 255),
  ('SourceSystemName', 255), ('StopId', 255), ('StopRefreshments', 255), ('StopRemarks', 500),
  ('StopShowingAgentFirstName', 50), ('StopShowingAgentLastName', 50),
  ('StopShowingAgentMlsId', 25)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'CaravanStop', 'Edm.String', v.* FROM (VALUES
  ('CaravanKey', 255, 'Caravan', 'CaravanKey'), ('StopKey', 255, '*', NULL),
  ('StopShowingAgentKey', 255, 'Member', 'MemberKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'CaravanStop', 'Edm.String', false, v.* FROM (VALUES
  ('StopAttendedBy', 25, 'CaravanStopAttended'), ('StopClassName', 50, 'CaravanStopClassName'),
  ('StopResourceName', 50, 'CaravanResourceName')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'CaravanStop', 'Edm.Int64', v.* FROM (VALUES
  ('StopOrder', 2, 0)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'CaravanStop', 'Edm.Date', v.* FROM (VALUES
  ('StopDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'CaravanStop', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('OriginalEntryTimestamp'), ('StopEndTime'), ('StopStartTime')) v;

-- ContactListingNotes

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'ContactListingNotes', 'Edm.String', v.* FROM (VALUES
  ('ContactListingNotesKey', 255), ('ListingId', 255), ('NoteContents', 500)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'ContactListingNotes', 'Edm.String', v.* FROM (VALUES
  ('ContactKey', 255, 'Contacts', 'ContactKey'), ('ListingKey', 255, 'Property', 'ListingKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'ContactListingNotes', 'Edm.String', false, v.* FROM (VALUES
  ('NotedBy', 25, 'NotedBy')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'ContactListingNotes', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'ContactListingNotes', true, v.* FROM (VALUES
  ('org.reso.metadata.Contacts', 'Contact', false, 'Contacts', 'ContactKey', 'ContactKey'),
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, NULL),
  ('org.reso.metadata.Property', 'Listing', false, 'Property', NULL, NULL)) v;

-- ContactListings

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'ContactListings', 'Edm.String', v.* FROM (VALUES
  ('ContactListingsKey', 255), ('ContactLoginId', 25), ('ListingId', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'ContactListings', 'Edm.String', v.* FROM (VALUES
  ('ContactKey', 255, 'Contacts', 'ContactKey'), ('ListingKey', 255, 'Property', 'ListingKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'ContactListings', 'Edm.String', false, v.* FROM (VALUES
  ('ClassName', 50, 'ClassName'), ('ContactListingPreference', 25, 'ContactListingPreference'),
  ('ResourceName', 50, 'ResourceName')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'ContactListings', 'Edm.Boolean', v.* FROM (VALUES
  ('AgentNotesUnreadYN'), ('ContactNotesUnreadYN'), ('DirectEmailYN'), ('ListingViewedYN')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'ContactListings', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('LastAgentNoteTimestamp'), ('LastContactNoteTimestamp'), ('ListingModificationTimestamp'),
  ('ListingSentTimestamp'), ('ModificationTimestamp'), ('PortalLastVisitedTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'ContactListings', true, v.* FROM (VALUES
  ('org.reso.metadata.Contacts', 'Contact', false, 'Contacts', 'ContactKey', 'ContactKey'),
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, NULL),
  ('org.reso.metadata.Property', 'Listing', false, 'Property', 'ListingKey', 'ListingKey'),
  ('org.reso.metadata.ContactListingNotes', 'ListingNotes', true, 'ContactListingNotes', NULL, 'ContactKey')) v;

-- Contacts

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Contacts', 'Edm.String', v.* FROM (VALUES
  ('AssistantEmail', 80), ('AssistantName', 150), ('AssistantPhone', 16),
  ('AssistantPhoneExt', 10), ('BusinessFax', 16), ('Children', 150), ('Company', 50),
  ('ContactKey', 255), ('ContactLoginId', 25), ('ContactPassword', 25), ('Department', 50),
  ('DirectPhone', 16), ('Email', 80), ('Email2', 80), ('Email3', 80), ('FirstName', 50),
  ('FullName', 150), ('HomeAddress1', 50), ('HomeAddress2', 50), ('HomeCarrierRoute', 9),
  ('HomeCity', 50), ('HomeFax', 16), ('HomePhone', 16), ('HomePostalCode', 10),
  ('HomePostalCodePlus4', 4), ('JobTitle', 50), ('LastName', 50), ('LeadSource', 150),
  ('MiddleName', 50), ('MobilePhone', 16), ('NamePrefix', 10), ('NameSuffix', 10),
  ('Nickname', 50), ('Notes', 1024), ('OfficePhone', 16), ('OfficePhoneExt', 10),
  ('OriginatingSystemContactKey', 255), ('OriginatingSystemID', 25),
  ('OriginatingSystemName', 255), ('OtherAddress1', 50), ('OtherAddress2', 50),
  ('OtherCarrierRoute', 9), ('OtherCity', 50), ('OtherPostalCode', 10),
  ('OtherPostalCodePlus4', 4), ('OwnerMemberID', 25), ('Pager', 16), ('PhoneTTYTDD', 16),
  ('ReferredBy', 150), ('SourceSystemContactKey', 255), ('SourceSystemID', 25),
  ('SourceSystemName', 255), ('SpousePartnerName', 150), ('TollFreePhone', 16),
  ('VoiceMail', 16), ('VoiceMailExt', 10), ('WorkAddress1', 50), ('WorkAddress2', 50),
  ('WorkCarrierRoute', 9), ('WorkCity', 50), ('WorkPostalCode', 10), ('WorkPostalCodePlus4', 4)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'Contacts', 'Edm.String', v.* FROM (VALUES
  ('OwnerMemberKey', 255, 'Member', 'MemberKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Contacts', 'Edm.String', false, v.* FROM (VALUES
  ('ContactStatus', 25, 'ContactStatus'), ('HomeCountry', 2, 'Country'),
  ('HomeCountyOrParish', 50, 'CountyOrParish'), ('HomeStateOrProvince', 2, 'StateOrProvince'),
  ('OtherCountry', 2, 'Country'), ('OtherCountyOrParish', 50, 'CountyOrParish'),
  ('OtherPhoneType', 25, 'OtherPhoneType'), ('OtherStateOrProvince', 2, 'StateOrProvince'),
  ('PreferredAddress', 255, 'PreferredAddress'), ('PreferredPhone', 255, 'PreferredPhone'),
  ('SocialMediaType', 25, 'SocialMediaType'), ('WorkCountry', 2, 'Country'),
  ('WorkCountyOrParish', 50, 'CountyOrParish'), ('WorkStateOrProvince', 2, 'StateOrProvince')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Contacts', 'Edm.String', true, v.* FROM (VALUES
  ('ContactType', 255, 'ContactType'), ('Language', 150, 'Languages')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Contacts', 'Edm.Boolean', v.* FROM (VALUES
  ('ReverseProspectingEnabledYN')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Contacts', 'Edm.Date', v.* FROM (VALUES
  ('Anniversary'), ('Birthdate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Contacts', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('OriginalEntryTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'Contacts', true, v.* FROM (VALUES
  ('org.reso.metadata.OtherPhone', 'ContactsOtherPhones', true, 'OtherPhone', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.SocialMedia', 'ContactsSocialMedia', true, 'SocialMedia', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Media', 'Media', true, 'Media', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', 'OriginatingSystemID', 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Member', 'OwnerMember', false, 'Member', 'OwnerMemberKey', 'MemberKey'),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', 'SourceSystemID', 'OrganizationUniqueId')) v;

-- EntityEvent

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'EntityEvent', 'Edm.String', v.* FROM (VALUES
  ('ResourceName', 255), ('ResourceRecordUrl', 8000)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'EntityEvent', 'Edm.String', v.* FROM (VALUES
  ('ResourceRecordKey', 255, '*', NULL)) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'EntityEvent', 'Edm.Int64', v.* FROM (VALUES
  ('EntityEventSequence', 64, 0)) v;

-- Field

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Field', 'Edm.String', v.* FROM (VALUES
  ('FieldKey', NULL::integer), ('FieldName', NULL), ('ResourceName', NULL)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Field', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;

-- HistoryTransactional

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'HistoryTransactional', 'Edm.String', v.* FROM (VALUES
  ('ChangedByMemberID', 25), ('FieldName', 255), ('HistoryTransactionalKey', 255),
  ('NewValue', 8000), ('OriginatingSystemHistoryKey', 255), ('OriginatingSystemID', 25),
  ('OriginatingSystemName', 255), ('PreviousValue', 8000), ('ResourceName', 255),
  ('ResourceRecordID', 255), ('SourceSystemHistoryKey', 255), ('SourceSystemID', 25),
  ('SourceSystemName', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'HistoryTransactional', 'Edm.String', v.* FROM (VALUES
  ('ChangedByMemberKey', 255, 'Member', 'MemberKey'), ('FieldKey', 255, 'Field', 'FieldKey'),
  ('ResourceRecordKey', 255, '*', NULL)) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'HistoryTransactional', 'Edm.String', false, v.* FROM (VALUES
  ('ChangeType', 255, 'ChangeType'), ('ClassName', 255, 'ClassName')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'HistoryTransactional', 'Edm.Int64', v.* FROM (VALUES
  ('EntityEventSequence', 64, 0)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'HistoryTransactional', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'HistoryTransactional', true, v.* FROM (VALUES
  ('org.reso.metadata.Member', 'ChangedByMember', false, 'Member', 'ChangedByMemberKey', 'MemberKey'),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', 'OriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', 'SourceSystemID', 'OrganizationUniqueId')) v;

-- InternetTracking

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'InternetTracking', 'Edm.String', v.* FROM (VALUES
  ('ActorCity', 50), ('ActorEmail', 80), ('ActorID', 25), ('ActorIP', 39),
  ('ActorOriginatingSystemID', 25), ('ActorOriginatingSystemName', 255), ('ActorPhone', 16),
  ('ActorPhoneExt', 10), ('ActorPostalCode', 10), ('ActorPostalCodePlus4', 4),
  ('ActorRegion', 150), ('ActorSourceSystemID', 25), ('ActorSourceSystemName', 255),
  ('EventDescription', 1024), ('EventKey', 255), ('EventLabel', 50),
  ('EventOriginatingSystemID', 25), ('EventOriginatingSystemName', 255),
  ('EventSourceSystemID', 25), ('EventSourceSystemName', 255), ('ObjectID', 255),
  ('ObjectOriginatingSystemID', 25), ('ObjectOriginatingSystemName', 255),
  ('ObjectSourceSystemID', 25), ('ObjectSourceSystemName', 255), ('ObjectURL', 8000),
  ('OriginatingSystemActorKey', 255), ('OriginatingSystemEventKey', 255),
  ('OriginatingSystemObjectKey', 255), ('ReferringURL', 8000), ('SessionID', 255),
  ('SourceSystemActorKey', 255), ('SourceSystemEventKey', 255), ('SourceSystemObjectKey', 255),
  ('UserAgent', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'InternetTracking', 'Edm.String', v.* FROM (VALUES
  ('ActorKey', 255, '*', NULL), ('ObjectKey', 255, '*', NULL)) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'InternetTracking', 'Edm.String', false, v.* FROM (VALUES
  ('ActorStateOrProvince', 2, 'StateOrProvince'), ('ActorType', 25, 'ActorType'),
  ('DeviceType', 128, 'DeviceType'), ('EventSource', 128, 'EventSource'),
  ('EventTarget', 25, 'EventTarget'), ('EventType', 128, 'EventType'),
  ('ObjectIdType', 128, 'ObjectIdType'), ('ObjectType', 128, 'ObjectType')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'InternetTracking', 'Edm.Int64', v.* FROM (VALUES
  ('ColorDepth', 255, 0), ('ScreenHeight', 255, 0), ('ScreenWidth', 255, 0),
  ('TimeZoneOffset', 255, 0)) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'InternetTracking', 'Edm.Decimal', v.* FROM (VALUES
  ('ActorLatitude', 12, 8), ('ActorLongitude', 12, 8)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'InternetTracking', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('EventReportedTimestamp'), ('EventTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'InternetTracking', true, v.* FROM (VALUES
  ('org.reso.metadata.OUID', 'ActorOriginatingSystem', false, 'OUID', 'ActorOriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'ActorSourceSystem', false, 'OUID', 'ActorSourceSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'EventOriginatingSystem', false, 'OUID', 'EventOriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'EventSourceSystem', false, 'OUID', 'EventSourceSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'ObjectOriginatingSystem', false, 'OUID', 'ObjectOriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'ObjectSourceSystem', false, 'OUID', 'ObjectSourceSystemID', 'OrganizationUniqueId')) v;

-- InternetTrackingSummary

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'InternetTrackingSummary', 'Edm.String', v.* FROM (VALUES
  ('InternetTrackingSummaryKey', 255), ('ListingId', 255), ('OriginatingSystemName', 255),
  ('TrackingValues', 255)) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'InternetTrackingSummary', 'Edm.String', false, v.* FROM (VALUES
  ('ResponseType', 128, 'ResponseTypes'), ('TrackingType', 128, 'TrackingType')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'InternetTrackingSummary', 'Edm.Int64', v.* FROM (VALUES
  ('CmaCreatedCount', 100, 0), ('CmaEmailedCount', 100, 0), ('CmaRanCount', 100, 0),
  ('CmaSharedCount', 100, 0), ('FavoritedCount', 100, 0), ('ImpressionCount', 255, 0),
  ('InquiryCount', 100, 0), ('ListingsEmailedCount', 100, 0),
  ('MobileAppImpressionCount', 100, 0), ('MobileAppViewCount', 100, 0), ('MobileLogins', 100, 0),
  ('SharedCount', 100, 0), ('ShowingCompletedCount', 100, 0), ('ShowingRequestedCount', 100, 0),
  ('TotalLogins', 100, 0), ('UniqueLogins', 100, 0), ('ViewCount', 100, 0)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'InternetTrackingSummary', 'Edm.Date', v.* FROM (VALUES
  ('TrackingDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'InternetTrackingSummary', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('EndTimestamp'), ('ModificationTimestamp'), ('StartTimestamp')) v;

-- LockOrBox

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'LockOrBox', 'Edm.String', v.* FROM (VALUES
  ('KeyOrCredentialId', 25), ('ListAgentFullName', 150), ('ListingAddress1', 50),
  ('ListingAddress2', 50), ('ListingCity', 50), ('ListingId', 255), ('ListingPostalCode', 10),
  ('ListingPostalCodePlus4', 4), ('LockOrBoxId', 25), ('LockOrBoxKey', 255),
  ('LockOrBoxOriginatingSystemId', 25), ('LockOrBoxOriginatingSystemKey', 255),
  ('LockOrBoxOriginatingSystemName', 255), ('LockOrBoxSourceSystemId', 25),
  ('LockOrBoxSourceSystemKey', 255), ('LockOrBoxSourceSystemName', 255), ('Notes', 1024),
  ('ShowingAgentEmail', 80), ('ShowingAgentFirstName', 50), ('ShowingAgentFullName', 150),
  ('ShowingAgentId', 25), ('ShowingAgentLastName', 50), ('ShowingAgentMlsId', 25),
  ('ShowingAgentPhone', 16), ('ShowingAgentPhoneExt', 10), ('ShowingOfficeId', 25),
  ('ShowingOfficeName', 255), ('ShowingOfficePhone', 16)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'LockOrBox', 'Edm.String', v.* FROM (VALUES
  ('ListingKey', 255, 'Property', 'ListingKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'LockOrBox', 'Edm.String', false, v.* FROM (VALUES
  ('ListingCountry', 2, 'Country'), ('ListingStateOrProvince', 2, 'StateOrProvince'),
  ('ListingTimeZone', 150, 'IanaTimeZoneValues'), ('ShowingAgentAOR', 50, 'AOR')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'LockOrBox', 'Edm.String', true, v.* FROM (VALUES
  ('LockOrBoxAccessType', 50, 'LockOrBoxAccessType')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'LockOrBox', 'Edm.Decimal', v.* FROM (VALUES
  ('ListingLatitude', 12, 8), ('ListingLongitude', 12, 8)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'LockOrBox', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('LockOrBoxAccessTimestamp'), ('LockOrBoxInstalledTimestamp'), ('ModificationTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'LockOrBox', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, NULL),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', NULL, NULL),
  ('org.reso.metadata.Member', 'ShowingAgent', false, 'Member', NULL, NULL),
  ('org.reso.metadata.Office', 'ShowingOffice', false, 'Office', NULL, NULL),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', NULL, NULL)) v;

-- Lookup

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Lookup', 'Edm.String', v.* FROM (VALUES
  ('LegacyODataValue', NULL::integer), ('LookupKey', NULL), ('LookupName', NULL),
  ('LookupValue', NULL), ('StandardLookupValue', NULL)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Lookup', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;

-- Media

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Media', 'Edm.String', v.* FROM (VALUES
  ('ChangedByMemberID', 25), ('LongDescription', 1024), ('MediaHTML', 8500), ('MediaKey', 255),
  ('MediaObjectID', 255), ('MediaURL', 8000), ('OriginatingSystemID', 25),
  ('OriginatingSystemMediaKey', 255), ('OriginatingSystemName', 255),
  ('OriginatingSystemResourceRecordId', 255), ('OriginatingSystemResourceRecordKey', 255),
  ('OriginatingSystemResourceRecordSystemId', 25), ('ResourceRecordID', 255),
  ('ShortDescription', 50), ('SourceSystemID', 25), ('SourceSystemMediaKey', 255),
  ('SourceSystemName', 255), ('SourceSystemResourceRecordId', 255),
  ('SourceSystemResourceRecordKey', 255), ('SourceSystemResourceRecordSystemId', 25)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'Media', 'Edm.String', v.* FROM (VALUES
  ('ChangedByMemberKey', 255, 'Member', 'MemberKey'), ('ResourceRecordKey', 255, '*', NULL)) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Media', 'Edm.String', false, v.* FROM (VALUES
  ('ClassName', 50, 'ClassName'), ('ImageOf', 50, 'ImageOf'),
  ('ImageSizeDescription', 50, 'ImageSizeDescription'), ('MediaCategory', 50, 'MediaCategory'),
  ('MediaStatus', 50, 'MediaStatus'), ('MediaType', 50, 'MediaType'),
  ('ResourceName', 50, 'ResourceName')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Media', 'Edm.String', true, v.* FROM (VALUES
  ('MediaAlteration', 50, 'MediaAlteration'), ('Permission', 255, 'Permission')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'Media', 'Edm.Int64', v.* FROM (VALUES
  ('ImageHeight', 8, 0), ('ImageWidth', 8, 0), ('Order', 4, 0)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Media', 'Edm.Boolean', v.* FROM (VALUES
  ('PreferredPhotoYN')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Media', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('MediaModificationTimestamp'), ('ModificationTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'Media', true, v.* FROM (VALUES
  ('org.reso.metadata.Member', 'ChangedByMember', false, 'Member', NULL, NULL),
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, NULL),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', NULL, NULL),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', NULL, NULL)) v;

-- Member

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Member', 'Edm.String', v.* FROM (VALUES
  ('JobTitle', 50), ('MemberAORMlsId', 25), ('MemberAORkey', 255), ('MemberAddress1', 50),
  ('MemberAddress2', 50), ('MemberAlternateId', 50), ('MemberAssociationComments', 500),
  ('MemberBio', 1024), ('MemberCarrierRoute', 9), ('MemberCity', 50), ('MemberDirectPhone', 16),
  ('MemberEmail', 80), ('MemberFax', 16), ('MemberFirstName', 50), ('MemberFullName', 150),
  ('MemberHomePhone', 16), ('MemberIsAssistantTo', 50), ('MemberKey', 255),
  ('MemberLastName', 50), ('MemberLoginId', 25), ('MemberMiddleName', 50), ('MemberMlsId', 25),
  ('MemberMobilePhone', 16), ('MemberNamePrefix', 10), ('MemberNameSuffix', 10),
  ('MemberNationalAssociationId', 25), ('MemberNickname', 50), ('MemberOfficePhone', 16),
  ('MemberOfficePhoneExt', 10), ('MemberPager', 16), ('MemberPassword', 25),
  ('MemberPhoneTTYTDD', 16), ('MemberPostalCode', 10), ('MemberPostalCodePlus4', 4),
  ('MemberPreferredPhone', 16), ('MemberPreferredPhoneExt', 10), ('MemberPrimaryAorId', 25),
  ('MemberStateLicense', 50), ('MemberStateLicenseType', 30), ('MemberTollFreePhone', 16),
  ('MemberVoiceMail', 16), ('MemberVoiceMailExt', 10), ('MemberVotingPrecinct', 50),
  ('OfficeMlsId', 25), ('OfficeName', 255), ('OfficeNationalAssociationId', 25),
  ('OriginatingSystemID', 25), ('OriginatingSystemMemberKey', 255),
  ('OriginatingSystemName', 255), ('SourceSystemID', 25), ('SourceSystemMemberKey', 255),
  ('SourceSystemName', 255), ('UniqueLicenseeIdentifier', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'Member', 'Edm.String', v.* FROM (VALUES
  ('OfficeKey', 255, 'Office', 'OfficeKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Member', 'Edm.String', false, v.* FROM (VALUES
  ('MemberAOR', 50, 'AOR'), ('MemberBillingPreference', 30, 'BillingPreference'),
  ('MemberCountry', 2, 'Country'), ('MemberCountyOrParish', 50, 'CountyOrParish'),
  ('MemberMlsSecurityClass', 25, 'MemberMlsSecurityClass'),
  ('MemberOtherPhoneType', 25, 'MemberOtherPhoneType'),
  ('MemberPreferredMail', 30, 'PreferredMail'), ('MemberPreferredMedia', 30, 'PreferredMedia'),
  ('MemberPreferredPublication', 30, 'PreferredPublication'),
  ('MemberStateLicenseState', 2, 'StateOrProvince'),
  ('MemberStateOrProvince', 2, 'StateOrProvince'), ('MemberStatus', 25, 'MemberStatus'),
  ('MemberType', 50, 'MemberType'), ('SocialMediaType', 25, 'SocialMediaType')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Member', 'Edm.String', true, v.* FROM (VALUES
  ('MemberDesignation', 50, 'MemberDesignation'), ('MemberLanguages', 1024, 'Languages'),
  ('SyndicateTo', 1024, 'SyndicateTo')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'Member', 'Edm.Int64', v.* FROM (VALUES
  ('MemberCommitteeCount', 3, 0)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Member', 'Edm.Boolean', v.* FROM (VALUES
  ('MemberMailOptOutYN'), ('MemberMlsAccessYN')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Member', 'Edm.Date', v.* FROM (VALUES
  ('MemberNationalAssociationEntryDate'), ('MemberStateLicenseExpirationDate'),
  ('MemberTransferDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Member', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('LastLoginTimestamp'), ('ModificationTimestamp'), ('OriginalEntryTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'Member', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Media', 'Media', true, 'Media', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.OtherPhone', 'MemberOtherPhones', true, 'OtherPhone', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.SocialMedia', 'MemberSocialMedia', true, 'SocialMedia', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Office', 'Office', false, 'Office', 'OfficeKey', 'OfficeKey'),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', 'OriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', 'SourceSystemID', 'OrganizationUniqueId')) v;

-- MemberAssociation

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'MemberAssociation', 'Edm.String', v.* FROM (VALUES
  ('AssociationMlsId', 25), ('AssociationNationalAssociationId', 25),
  ('MemberAssociationBillStatusDescription', 100), ('MemberAssociationPrimaryIndicator', 20),
  ('MemberMlsId', 25), ('OriginatingSystemId', 25), ('OriginatingSystemMemberKey', 255),
  ('OriginatingSystemName', 255), ('SourceSystemId', 25), ('SourceSystemMemberKey', 255),
  ('SourceSystemName', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'MemberAssociation', 'Edm.String', v.* FROM (VALUES
  ('AssociationKey', 255, 'Association', 'AssociationKey'),
  ('MemberKey', 255, 'Member', 'MemberKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'MemberAssociation', 'Edm.String', false, v.* FROM (VALUES
  ('MemberAssociationBillStatus', 25, 'MemberAssociationBillStatus'),
  ('MemberAssociationStatus', 25, 'MemberStatus')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'MemberAssociation', 'Edm.Boolean', v.* FROM (VALUES
  ('AssociationStaffYN'), ('MemberLocalDuesWaivedYN'), ('MemberNationalDuesWaivedYN'),
  ('MemberStatelDuesWaivedYN')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'MemberAssociation', 'Edm.Date', v.* FROM (VALUES
  ('MemberAssociationDuesPaidDate'), ('MemberAssociationJoinDate'),
  ('MemberAssociationOrientationDate'), ('MemberAssociationStatusDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'MemberAssociation', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('MemberAssociationModificationDateTime'), ('ModificationTimestamp'),
  ('OriginalEntryTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'MemberAssociation', true, v.* FROM (VALUES
  ('org.reso.metadata.Association', 'Association', false, 'Association', NULL, NULL),
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, NULL),
  ('org.reso.metadata.Member', 'Member', false, 'Member', NULL, NULL),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', NULL, NULL),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', NULL, NULL)) v;

-- MemberStateLicense

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'MemberStateLicense', 'Edm.String', v.* FROM (VALUES
  ('MemberMlsId', 25), ('MemberStateLicense', 50), ('MemberStateLicenseKey', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'MemberStateLicense', 'Edm.String', v.* FROM (VALUES
  ('MemberKey', 255, 'Member', 'MemberKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'MemberStateLicense', 'Edm.String', false, v.* FROM (VALUES
  ('MemberStateLicenseState', 2, 'StateOrProvince'),
  ('MemberStateLicenseType', 30, 'MemberStateLicenseType')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'MemberStateLicense', 'Edm.Date', v.* FROM (VALUES
  ('MemberStateLicenseExpirationDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'MemberStateLicense', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'MemberStateLicense', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, NULL),
  ('org.reso.metadata.Member', 'Member', false, 'Member', NULL, NULL)) v;

-- OUID

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'OUID', 'Edm.String', v.* FROM (VALUES
  ('ChangedByMemberID', 25), ('OrganizationAddress1', 50), ('OrganizationAddress2', 50),
  ('OrganizationAorOuid', 25), ('OrganizationCarrierRoute', 9), ('OrganizationCity', 50),
  ('OrganizationComments', 500), ('OrganizationContactEmail', 80),
  ('OrganizationContactFax', 16), ('OrganizationContactFirstName', 50),
  ('OrganizationContactFullName', 150), ('OrganizationContactJobTitle', 50),
  ('OrganizationContactLastName', 50), ('OrganizationContactMiddleName', 50),
  ('OrganizationContactNamePrefix', 10), ('OrganizationContactNameSuffix', 10),
  ('OrganizationContactPhone', 16), ('OrganizationContactPhoneExt', 10),
  ('OrganizationMlsCode', 25), ('OrganizationMlsVendorName', 255),
  ('OrganizationMlsVendorOuid', 25), ('OrganizationName', 255),
  ('OrganizationNationalAssociationId', 25), ('OrganizationPostalCode', 10),
  ('OrganizationPostalCodePlus4', 4), ('OrganizationStateLicense', 50),
  ('OrganizationUniqueId', 25), ('OrganizationUniqueIdKey', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'OUID', 'Edm.String', v.* FROM (VALUES
  ('ChangedByMemberKey', 255, 'Member', 'MemberKey'),
  ('OrganizationAorOuidKey', 255, 'OUID', 'OrganizationUniqueIdKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'OUID', 'Edm.String', false, v.* FROM (VALUES
  ('OrganizationAOR', 50, 'AOR'), ('OrganizationCountry', 2, 'Country'),
  ('OrganizationCountyOrParish', 50, 'CountyOrParish'),
  ('OrganizationSocialMediaType', 25, 'SocialMediaType'),
  ('OrganizationStateLicenseState', 2, 'StateOrProvince'),
  ('OrganizationStateOrProvince', 2, 'StateOrProvince'),
  ('OrganizationType', 25, 'OrganizationType')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'OUID', 'Edm.Int64', v.* FROM (VALUES
  ('OrganizationMemberCount', 14, 0)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'OUID', 'Edm.Boolean', v.* FROM (VALUES
  ('OrganizationStatus')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'OUID', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('OrganizationStatusChangeTimestamp'), ('OriginalEntryTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'OUID', true, v.* FROM (VALUES
  ('org.reso.metadata.Member', 'ChangedByMember', false, 'Member', 'ChangedByMemberKey', 'MemberKey'),
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Media', 'Media', true, 'Media', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.SocialMedia', 'OrganizationSocialMedia', true, 'SocialMedia', NULL, 'OrganizationUniqueId')) v;

-- Office

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Office', 'Edm.String', v.* FROM (VALUES
  ('FranchiseAffiliation', 50), ('FranchiseNationalAssociationId', 25), ('MainOfficeMlsId', 25),
  ('OfficeAORMlsId', 25), ('OfficeAORkey', 255), ('OfficeAddress1', 50), ('OfficeAddress2', 50),
  ('OfficeAlternateId', 50), ('OfficeAssociationComments', 500), ('OfficeBio', 1024),
  ('OfficeBrokerMlsId', 25), ('OfficeBrokerNationalAssociationId', 25), ('OfficeCity', 50),
  ('OfficeCorporateLicense', 50), ('OfficeEmail', 80), ('OfficeFax', 16), ('OfficeKey', 255),
  ('OfficeMailAddress1', 50), ('OfficeMailAddress2', 50), ('OfficeMailCareOf', 30),
  ('OfficeMailCity', 50), ('OfficeMailPostalCode', 5), ('OfficeMailPostalCodePlus4', 4),
  ('OfficeManagerMlsId', 25), ('OfficeMlsId', 25), ('OfficeName', 255),
  ('OfficeNationalAssociationId', 25), ('OfficePhone', 16), ('OfficePhoneExt', 10),
  ('OfficePostalCode', 10), ('OfficePostalCodePlus4', 4), ('OfficePrimaryAorId', 25),
  ('OriginatingSystemID', 25), ('OriginatingSystemName', 255),
  ('OriginatingSystemOfficeKey', 255), ('OtherPhone', 16), ('SourceSystemID', 25),
  ('SourceSystemName', 255), ('SourceSystemOfficeKey', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'Office', 'Edm.String', v.* FROM (VALUES
  ('BillingOfficeKey', 255, 'Office', 'OfficeKey'),
  ('MainOfficeKey', 255, 'Office', 'OfficeKey'), ('OfficeBrokerKey', 255, 'Member', 'MemberKey'),
  ('OfficeManagerKey', 255, 'Member', 'MemberKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Office', 'Edm.String', false, v.* FROM (VALUES
  ('OfficeAOR', 50, 'AOR'), ('OfficeBranchType', 50, 'OfficeBranchType'),
  ('OfficeCountry', 2, 'Country'), ('OfficeCountyOrParish', 50, 'CountyOrParish'),
  ('OfficeMailCountry', 2, 'Country'), ('OfficeMailCountyOrParish', 50, 'CountyOrParish'),
  ('OfficeMailStateOrProvince', 2, 'StateOrProvince'),
  ('OfficePreferredMedia', 25, 'PreferredMedia'),
  ('OfficePrimaryStateOrProvince', 2, 'StateOrProvince'),
  ('OfficeStateOrProvince', 2, 'StateOrProvince'), ('OfficeStatus', 25, 'OfficeStatus'),
  ('OfficeType', 50, 'OfficeType'), ('SocialMediaType', 25, 'SocialMediaType'),
  ('SyndicateAgentOption', 50, 'SyndicateAgentOption')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Office', 'Edm.String', true, v.* FROM (VALUES
  ('SyndicateTo', 1024, 'SyndicateTo')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'Office', 'Edm.Int64', v.* FROM (VALUES
  ('NumberOfBranches', 3, 0), ('NumberOfNonMemberSalespersons', 4, 0)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Office', 'Edm.Boolean', v.* FROM (VALUES
  ('IDXOfficeParticipationYN'), ('VirtualOfficeWebsiteYN')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Office', 'Edm.Date', v.* FROM (VALUES
  ('OfficeNationalAssociationIdInsertDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Office', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('OriginalEntryTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'Office', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Office', 'MainOffice', false, 'Office', 'MainOfficeKey', 'OfficeKey'),
  ('org.reso.metadata.Media', 'Media', true, 'Media', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Member', 'OfficeBroker', false, 'Member', 'OfficeBrokerKey', 'MemberKey'),
  ('org.reso.metadata.Member', 'OfficeManager', false, 'Member', 'OfficeManagerKey', 'MemberKey'),
  ('org.reso.metadata.SocialMedia', 'OfficeSocialMedia', true, 'SocialMedia', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', 'OriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', 'SourceSystemID', 'OrganizationUniqueId')) v;

-- OfficeAssociation

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'OfficeAssociation', 'Edm.String', v.* FROM (VALUES
  ('AssociationMlsId', 25), ('AssociationNationalAssociationId', 25), ('BillStatus', 25),
  ('OfficeMlsId', 25), ('OriginatingSystemId', 25), ('OriginatingSystemMemberKey', 255),
  ('OriginatingSystemName', 255), ('SourceSystemId', 25), ('SourceSystemMemberKey', 255),
  ('SourceSystemName', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'OfficeAssociation', 'Edm.String', v.* FROM (VALUES
  ('AssociationKey', 255, 'Association', 'AssociationKey'),
  ('OfficeKey', 255, 'Office', 'OfficeKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'OfficeAssociation', 'Edm.String', false, v.* FROM (VALUES
  ('OfficeAssociationPrimaryIndicator', 25, 'OfficeAssociationPrimaryIndicator'),
  ('OfficeAssociationStatus', 25, 'OfficeStatus')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'OfficeAssociation', 'Edm.Date', v.* FROM (VALUES
  ('JoinDate'), ('OfficeAssociationStatusDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'OfficeAssociation', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('OriginalEntryTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'OfficeAssociation', true, v.* FROM (VALUES
  ('org.reso.metadata.Association', 'Association', false, 'Association', NULL, NULL),
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, NULL),
  ('org.reso.metadata.Office', 'Office', false, 'Office', NULL, NULL),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', NULL, NULL),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', NULL, NULL)) v;

-- OfficeCorporateLicense

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'OfficeCorporateLicense', 'Edm.String', v.* FROM (VALUES
  ('OfficeCorporateLicense', 50), ('OfficeCorporateLicenseKey', 255), ('OfficeMlsId', 25)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'OfficeCorporateLicense', 'Edm.String', v.* FROM (VALUES
  ('OfficeKey', 255, 'Office', 'OfficeKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'OfficeCorporateLicense', 'Edm.String', false, v.* FROM (VALUES
  ('OfficeCorporateLicenseState', 2, 'StateOrProvince'),
  ('OfficeCorporateLicenseType', 30, 'OfficeCorporateLicenseType')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'OfficeCorporateLicense', 'Edm.Date', v.* FROM (VALUES
  ('OfficeCorporateLicenseExpirationDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'OfficeCorporateLicense', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'OfficeCorporateLicense', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, NULL),
  ('org.reso.metadata.Office', 'Office', false, 'Office', NULL, NULL)) v;

-- OpenHouse

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'OpenHouse', 'Edm.String', v.* FROM (VALUES
  ('ListingId', 255), ('LivestreamOpenHouseURL', 8000), ('OpenHouseId', 255),
  ('OpenHouseKey', 255), ('OpenHouseRemarks', 500), ('OriginatingSystemID', 25),
  ('OriginatingSystemKey', 255), ('OriginatingSystemName', 255), ('Refreshments', 255),
  ('ShowingAgentFirstName', 50), ('ShowingAgentLastName', 50), ('ShowingAgentMlsID', 25),
  ('SourceSystemID', 25), ('SourceSystemKey', 255), ('SourceSystemName', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'OpenHouse', 'Edm.String', v.* FROM (VALUES
  ('ListingKey', 255, 'Property', 'ListingKey'), ('ShowingAgentKey', 255, 'Member', 'MemberKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'OpenHouse', 'Edm.String', false, v.* FROM (VALUES
  ('OpenHouseAttendedBy', 25, 'Attended'), ('OpenHouseStatus', 25, 'OpenHouseStatus'),
  ('OpenHouseType', 25, 'OpenHouseType')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'OpenHouse', 'Edm.Boolean', v.* FROM (VALUES
  ('AppointmentRequiredYN')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'OpenHouse', 'Edm.Date', v.* FROM (VALUES
  ('OpenHouseDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'OpenHouse', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('OpenHouseEndTime'), ('OpenHouseStartTime'),
  ('OriginalEntryTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'OpenHouse', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Property', 'Listing', false, 'Property', 'ListingKey', 'ListingKey'),
  ('org.reso.metadata.Media', 'Media', true, 'Media', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', 'OriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.Member', 'ShowingAgent', false, 'Member', 'ShowingAgentKey', 'MemberKey'),
  ('org.reso.metadata.SocialMedia', 'SocialMedia', true, 'SocialMedia', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', 'SourceSystemID', 'OrganizationUniqueId')) v;

-- OtherPhone

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'OtherPhone', 'Edm.String', v.* FROM (VALUES
  ('OtherPhoneExt', 10), ('OtherPhoneKey', 255), ('OtherPhoneNumber', 16),
  ('ResourceRecordID', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'OtherPhone', 'Edm.String', v.* FROM (VALUES
  ('ResourceRecordKey', 255, '*', NULL)) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'OtherPhone', 'Edm.String', false, v.* FROM (VALUES
  ('ClassName', 255, 'ClassName'), ('OtherPhoneType', 25, 'OtherPhoneType'),
  ('ResourceName', 50, 'ResourceName')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'OtherPhone', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'OtherPhone', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, NULL)) v;

-- Property

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Property', 'Edm.String', v.* FROM (VALUES
  ('AccessCode', 25), ('AdditionalParcelsDescription', 255), ('AnchorsCoTenants', 1024),
  ('AssociationName', 50), ('AssociationName2', 50), ('AssociationPhone', 16),
  ('AssociationPhone2', 16), ('AttributionContact', 80), ('BuilderModel', 50),
  ('BuilderName', 50), ('BuildingName', 50), ('BusinessName', 255),
  ('BuyerAgentDirectPhone', 16), ('BuyerAgentEmail', 80), ('BuyerAgentFax', 16),
  ('BuyerAgentFirstName', 50), ('BuyerAgentFullName', 150), ('BuyerAgentHomePhone', 16),
  ('BuyerAgentLastName', 50), ('BuyerAgentMiddleName', 50), ('BuyerAgentMlsId', 25),
  ('BuyerAgentMobilePhone', 16), ('BuyerAgentNamePrefix', 10), ('BuyerAgentNameSuffix', 10),
  ('BuyerAgentNationalAssociationId', 25), ('BuyerAgentOfficePhone', 16),
  ('BuyerAgentOfficePhoneExt', 10), ('BuyerAgentPager', 16), ('BuyerAgentPreferredPhone', 16),
  ('BuyerAgentPreferredPhoneExt', 10), ('BuyerAgentStateLicense', 50),
  ('BuyerAgentTollFreePhone', 16), ('BuyerAgentURL', 8000), ('BuyerAgentVoiceMail', 16),
  ('BuyerAgentVoiceMailExt', 10), ('BuyerBrokerageCompensation', 25), ('BuyerOfficeEmail', 80),
  ('BuyerOfficeFax', 16), ('BuyerOfficeMlsId', 25), ('BuyerOfficeName', 255),
  ('BuyerOfficeNationalAssociationId', 25), ('BuyerOfficePhone', 16),
  ('BuyerOfficePhoneExt', 10), ('BuyerOfficeURL', 8000), ('BuyerTeamName', 50),
  ('CarrierRoute', 9), ('CityRegion', 150), ('CoBuyerAgentDirectPhone', 16),
  ('CoBuyerAgentEmail', 80), ('CoBuyerAgentFax', 16), ('CoBuyerAgentFirstName', 50),
  ('CoBuyerAgentFullName', 150), ('CoBuyerAgentHomePhone', 16), ('CoBuyerAgentLastName', 50),
  ('CoBuyerAgentMiddleName', 50), ('CoBuyerAgentMlsId', 25), ('CoBuyerAgentMobilePhone', 16),
  ('CoBuyerAgentNamePrefix', 10), ('CoBuyerAgentNameSuffix', 10),
  ('CoBuyerAgentNationalAssociationId', 25), ('CoBuyerAgentOfficePhone', 16),
  ('CoBuyerAgentOfficePhoneExt', 10), ('CoBuyerAgentPager', 16),
  ('CoBuyerAgentPreferredPhone', 16), ('CoBuyerAgentPreferredPhoneExt', 10),
  ('CoBuyerAgentStateLicense', 50), ('CoBuyerAgentTollFreePhone', 16), ('CoBuyerAgentURL', 8000),
  ('CoBuyerAgentVoiceMail', 16), ('CoBuyerAgentVoiceMailExt', 10), ('CoBuyerOfficeEmail', 80),
  ('CoBuyerOfficeFax', 16), ('CoBuyerOfficeMlsId', 25), ('CoBuyerOfficeName', 255),
  ('CoBuyerOfficeNationalAssociationId', 25), ('CoBuyerOfficePhone', 16),
  ('CoBuyerOfficePhoneExt', 10), ('CoBuyerOfficeURL', 8000), ('CoListAgentDirectPhone', 16),
  ('CoListAgentEmail', 80), ('CoListAgentFax', 16), ('CoListAgentFirstName', 50),
  ('CoListAgentFullName', 150), ('CoListAgentHomePhone', 16), ('CoListAgentLastName', 50),
  ('CoListAgentMiddleName', 50), ('CoListAgentMlsId', 25), ('CoListAgentMobilePhone', 16),
  ('CoListAgentNamePrefix', 10), ('CoListAgentNameSuffix', 10),
  ('CoListAgentNationalAssociationId', 25), ('CoListAgentOfficePhone', 16),
  ('CoListAgentOfficePhoneExt', 10), ('CoListAgentPager', 16), ('CoListAgentPreferredPhone', 16),
  ('CoListAgentPreferredPhoneExt', 10), ('CoListAgentStateLicense', 50),
  ('CoListAgentTollFreePhone', 16), ('CoListAgentURL', 8000), ('CoListAgentVoiceMail', 16),
  ('CoListAgentVoiceMailExt', 10), ('CoListOfficeEmail', 80), ('CoListOfficeFax', 16),
  ('CoListOfficeMlsId', 25), ('CoListOfficeName', 255),
  ('CoListOfficeNationalAssociationId', 25), ('CoListOfficePhone', 16),
  ('CoListOfficePhoneExt', 10), ('CoListOfficeURL', 8000), ('CompensationComments', 255),
  ('ConcessionsComments', 200), ('ContinentRegion', 150), ('Contingency', 1024),
  ('CopyrightNotice', 500), ('CountryRegion', 150), ('CrossStreet', 50), ('DOH1', 25),
  ('DOH2', 25), ('DOH3', 25), ('Directions', 1024), ('Disclaimer', 500),
  ('DistanceToBusComments', 255), ('DistanceToElectricComments', 255),
  ('DistanceToFreewayComments', 255), ('DistanceToGasComments', 255),
  ('DistanceToPhoneServiceComments', 255), ('DistanceToPlaceofWorshipComments', 255),
  ('DistanceToSchoolBusComments', 255), ('DistanceToSchoolsComments', 255),
  ('DistanceToSewerComments', 255), ('DistanceToShoppingComments', 255),
  ('DistanceToStreetComments', 255), ('DistanceToWaterComments', 255), ('EntryLocation', 50),
  ('Exclusions', 1024), ('FrontageLength', 255), ('HoursDaysOfOperationDescription', 255),
  ('Inclusions', 1024), ('License1', 25), ('License2', 25), ('License3', 25),
  ('ListAgentDirectPhone', 16), ('ListAgentEmail', 80), ('ListAgentFax', 16),
  ('ListAgentFirstName', 50), ('ListAgentFullName', 150), ('ListAgentHomePhone', 16),
  ('ListAgentLastName', 50), ('ListAgentMiddleName', 50), ('ListAgentMlsId', 25),
  ('ListAgentMobilePhone', 16), ('ListAgentNamePrefix', 10), ('ListAgentNameSuffix', 10),
  ('ListAgentNationalAssociationId', 25), ('ListAgentOfficePhone', 16),
  ('ListAgentOfficePhoneExt', 10), ('ListAgentPager', 16), ('ListAgentPreferredPhone', 16),
  ('ListAgentPreferredPhoneExt', 10), ('ListAgentStateLicense', 50),
  ('ListAgentTollFreePhone', 16), ('ListAgentURL', 8000), ('ListAgentVoiceMail', 16),
  ('ListAgentVoiceMailExt', 10), ('ListOfficeEmail', 80), ('ListOfficeFax', 16),
  ('ListOfficeMlsId', 25), ('ListOfficeName', 255), ('ListOfficeNationalAssociationId', 25),
  ('ListOfficePhone', 16), ('ListOfficePhoneExt', 10), ('ListOfficeURL', 8000),
  ('ListTeamName', 50), ('ListingId', 255), ('ListingKey', 255), ('ListingURL', 8000),
  ('LockBoxLocation', 255), ('LockBoxSerialNumber', 25), ('LotSizeDimensions', 150),
  ('Make', 50), ('MapCoordinate', 25), ('MapCoordinateSource', 25), ('MapURL', 8000),
  ('Model', 50), ('OccupantName', 50), ('OccupantPhone', 16), ('OriginatingSystemID', 25),
  ('OriginatingSystemKey', 255), ('OriginatingSystemName', 255), ('OtherParking', 1024),
  ('OwnerName', 50), ('OwnerPhone', 16), ('Ownership', 1024), ('ParcelNumber', 50),
  ('ParkManagerName', 50), ('ParkManagerPhone', 16), ('ParkName', 50), ('PostalCode', 10),
  ('PostalCodePlus4', 4), ('PrivateOfficeRemarks', 4000), ('PrivateRemarks', 4000),
  ('PublicRemarks', 4000), ('PublicSurveyRange', 20), ('PublicSurveySection', 20),
  ('PublicSurveyTownship', 20), ('RVParkingDimensions', 50), ('SerialU', 25), ('SerialX', 25),
  ('SerialXX', 25), ('ShowingContactName', 40), ('ShowingContactPhone', 16),
  ('ShowingContactPhoneExt', 10), ('ShowingInstructions', 4000), ('SourceSystemID', 25),
  ('SourceSystemKey', 255), ('SourceSystemName', 255), ('StateRegion', 150),
  ('StreetAdditionalInfo', 50), ('StreetName', 50), ('StreetNumber', 25),
  ('StreetSuffixModifier', 25), ('SubAgencyCompensation', 25), ('SubdivisionName', 50),
  ('SyndicationRemarks', 4000), ('TaxBlock', 25), ('TaxBookNumber', 25),
  ('TaxLegalDescription', 6000), ('TaxLot', 25), ('TaxMapNumber', 25), ('TaxParcelLetter', 25),
  ('TaxTract', 25), ('Topography', 255), ('Township', 50), ('TransactionBrokerCompensation', 25),
  ('UnitNumber', 25), ('UniversalPropertyId', 128), ('UniversalPropertySubId', 128),
  ('UnparsedAddress', 255), ('VirtualTourURLBranded', 8000), ('VirtualTourURLUnbranded', 8000),
  ('WaterBodyName', 50), ('YearBuiltDetails', 1024), ('Zoning', 25), ('ZoningDescription', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'Property', 'Edm.String', v.* FROM (VALUES
  ('BuyerAgentKey', 255, 'Member', 'MemberKey'), ('BuyerOfficeKey', 255, 'Office', 'OfficeKey'),
  ('BuyerTeamKey', 255, 'Teams', 'TeamKey'), ('CoBuyerAgentKey', 255, 'Member', 'MemberKey'),
  ('CoBuyerOfficeKey', 255, 'Office', 'OfficeKey'),
  ('CoListAgentKey', 255, 'Member', 'MemberKey'),
  ('CoListOfficeKey', 255, 'Office', 'OfficeKey'), ('ListAgentKey', 255, 'Member', 'MemberKey'),
  ('ListOfficeKey', 255, 'Office', 'OfficeKey'), ('ListTeamKey', 255, 'Teams', 'TeamKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Property', 'Edm.String', false, v.* FROM (VALUES
  ('AboveGradeFinishedAreaSource', 50, 'AreaSource'),
  ('AboveGradeFinishedAreaUnits', 25, 'AreaUnits'),
  ('AboveGradeUnfinishedAreaSource', 50, 'AreaSource'),
  ('AboveGradeUnfinishedAreaUnits', 25, 'AreaUnits'),
  ('AssociationFee2Frequency', 25, 'FeeFrequency'),
  ('AssociationFeeFrequency', 25, 'FeeFrequency'),
  ('BelowGradeFinishedAreaSource', 50, 'AreaSource'),
  ('BelowGradeFinishedAreaUnits', 25, 'AreaUnits'),
  ('BelowGradeUnfinishedAreaSource', 50, 'AreaSource'),
  ('BelowGradeUnfinishedAreaUnits', 25, 'AreaUnits'), ('BuildingAreaSource', 50, 'AreaSource'),
  ('BuildingAreaUnits', 25, 'AreaUnits'), ('BuyerAgentAOR', 50, 'AOR'),
  ('BuyerBrokerageCompensationType', 25, 'CompensationType'), ('BuyerOfficeAOR', 50, 'AOR'),
  ('City', 50, 'City'), ('CoBuyerAgentAOR', 50, 'AOR'), ('CoBuyerOfficeAOR', 50, 'AOR'),
  ('CoListAgentAOR', 50, 'AOR'), ('CoListOfficeAOR', 50, 'AOR'),
  ('CommonInterest', 25, 'CommonInterest'), ('Concessions', 25, 'Concessions'),
  ('Country', 2, 'Country'), ('CountyOrParish', 50, 'CountyOrParish'),
  ('DirectionFaces', 25, 'DirectionFaces'), ('DistanceToBusUnits', 25, 'LinearUnits'),
  ('DistanceToElectricUnits', 25, 'LinearUnits'), ('DistanceToFreewayUnits', 25, 'LinearUnits'),
  ('DistanceToGasUnits', 25, 'LinearUnits'), ('DistanceToPhoneServiceUnits', 25, 'LinearUnits'),
  ('DistanceToPlaceofWorshipUnits', 25, 'LinearUnits'),
  ('DistanceToSchoolBusUnits', 25, 'LinearUnits'), ('DistanceToSchoolsUnits', 25, 'LinearUnits'),
  ('DistanceToSewerUnits', 25, 'LinearUnits'), ('DistanceToShoppingUnits', 25, 'LinearUnits'),
  ('DistanceToStreetUnits', 25, 'LinearUnits'), ('DistanceToWaterUnits', 25, 'LinearUnits'),
  ('DocumentStatus', 50, 'DocumentStatus'), ('ElementarySchool', 50, 'ElementarySchool'),
  ('ElementarySchoolDistrict', 50, 'ElementarySchoolDistrict'),
  ('ElevationUnits', 10, 'LinearUnits'), ('FarmLandAreaSource', 50, 'AreaSource'),
  ('FarmLandAreaUnits', 25, 'AreaUnits'), ('FhaEligibility', 25, 'FhaEligibility'),
  ('Furnished', 50, 'Furnished'), ('HighSchool', 50, 'HighSchool'),
  ('HighSchoolDistrict', 50, 'HighSchoolDistrict'),
  ('LandLeaseAmountFrequency', 25, 'FeeFrequency'), ('LeasableAreaUnits', 25, 'AreaUnits'),
  ('LeaseAmountFrequency', 25, 'FeeFrequency'), ('LeaseTerm', 25, 'LeaseTerm'),
  ('ListAOR', 50, 'AOR'), ('ListAgentAOR', 50, 'AOR'), ('ListOfficeAOR', 50, 'AOR'),
  ('ListingAgreement', 50, 'ListingAgreement'), ('ListingService', 25, 'ListingService'),
  ('ListingURLDescription', 30, 'ListingURLDescription'), ('LivingAreaSource', 50, 'AreaSource'),
  ('LivingAreaUnits', 25, 'AreaUnits'), ('LotDimensionsSource', 50, 'LotDimensionsSource'),
  ('LotSizeSource', 50, 'LotSizeSource'), ('LotSizeUnits', 25, 'LotSizeUnits'),
  ('MLSAreaMajor', 50, 'MLSAreaMajor'), ('MLSAreaMinor', 50, 'MLSAreaMinor'),
  ('MajorChangeType', 255, 'ChangeType'), ('MiddleOrJuniorSchool', 50, 'MiddleOrJuniorSchool'),
  ('MiddleOrJuniorSchoolDistrict', 50, 'MiddleOrJuniorSchoolDistrict'),
  ('MlsStatus', 50, 'MlsStatus'), ('MobileDimUnits', 25, 'LinearUnits'),
  ('OccupantType', 50, 'OccupantType'), ('OwnershipType', 50, 'OwnershipType'),
  ('PostalCity', 50, 'PostalCity'), ('PropertySubType', 50, 'PropertySubType'),
  ('PropertyTimeZoneName', 150, 'IanaTimeZoneValues'), ('PropertyType', 50, 'PropertyType'),
  ('ShowingServiceName', 50, 'ShowingServiceName'), ('StandardStatus', 25, 'StandardStatus'),
  ('StateOrProvince', 2, 'StateOrProvince'), ('StreetDirPrefix', 15, 'StreetDirection'),
  ('StreetDirSuffix', 15, 'StreetDirection'), ('StreetSuffix', 25, 'StreetSuffix'),
  ('SubAgencyCompensationType', 25, 'CompensationType'),
  ('TransactionBrokerCompensationType', 25, 'CompensationType'),
  ('UnitsFurnished', 25, 'UnitsFurnished'), ('YearBuiltSource', 60, 'YearBuiltSource')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Property', 'Edm.String', true, v.* FROM (VALUES
  ('AccessibilityFeatures', 1024, 'AccessibilityFeatures'), ('Appliances', 1024, 'Appliances'),
  ('ArchitecturalStyle', 1024, 'ArchitecturalStyle'),
  ('AssociationAmenities', 1024, 'AssociationAmenities'),
  ('AssociationFeeIncludes', 1024, 'AssociationFeeIncludes'),
  ('AvailableLeaseType', 75, 'ExistingLeaseType'), ('Basement', 1024, 'Basement'),
  ('BodyType', 1024, 'BodyType'), ('BuildingFeatures', 1024, 'BuildingFeatures'),
  ('BusinessType', 1024, 'BusinessType'), ('BuyerAgentDesignation', 50, 'BuyerAgentDesignation'),
  ('BuyerFinancing', 1024, 'BuyerFinancing'),
  ('CoBuyerAgentDesignation', 50, 'CoBuyerAgentDesignation'),
  ('CoListAgentDesignation', 50, 'CoListAgentDesignation'), ('CommonWalls', 1024, 'CommonWalls'),
  ('CommunityFeatures', 1024, 'CommunityFeatures'),
  ('ConstructionMaterials', 1024, 'ConstructionMaterials'), ('Cooling', 1024, 'Cooling'),
  ('CurrentFinancing', 1024, 'CurrentFinancing'), ('CurrentUse', 1024, 'CurrentOrPossibleUse'),
  ('DevelopmentStatus', 1024, 'DevelopmentStatus'), ('Disclosures', 4000, 'Disclosures'),
  ('DocumentsAvailable', 1024, 'DocumentsAvailable'), ('DoorFeatures', 1024, 'DoorFeatures'),
  ('Electric', 1024, 'Electric'), ('ExistingLeaseType', 75, 'ExistingLeaseType'),
  ('ExteriorFeatures', 1024, 'ExteriorFeatures'), ('Fencing', 1024, 'Fencing'),
  ('FinancialDataSource', 75, 'FinancialDataSource'),
  ('FireplaceFeatures', 1024, 'FireplaceFeatures'), ('Flooring', 1024, 'Flooring'),
  ('FoundationDetails', 1024, 'FoundationDetails'), ('FrontageType', 1024, 'FrontageType'),
  ('GreenBuildingVerificationType', 1024, 'GreenBuildingVerificationType'),
  ('GreenEnergyEfficient', 1024, 'GreenEnergyEfficient'),
  ('GreenEnergyGeneration', 1024, 'GreenEnergyGeneration'),
  ('GreenIndoorAirQuality', 1024, 'GreenIndoorAirQuality'),
  ('GreenLocation', 1024, 'GreenLocation'), ('GreenSustainability', 1024, 'GreenSustainability'),
  ('GreenWaterConservation', 1024, 'GreenWaterConservation'), ('Heating', 1024, 'Heating'),
  ('HorseAmenities', 1024, 'HorseAmenities'),
  ('HoursDaysOfOperation', 1024, 'HoursDaysOfOperation'),
  ('IncomeIncludes', 1024, 'IncomeIncludes'),
  ('InteriorFeatures', 1024, 'InteriorOrRoomFeatures'),
  ('IrrigationSource', 1024, 'IrrigationSource'), ('LaborInformation', 1024, 'LaborInformation'),
  ('LaundryFeatures', 1024, 'LaundryFeatures'),
  ('LeaseRenewalCompensation', 255, 'LeaseRenewalCompensation'), ('Levels', 1024, 'Levels'),
  ('ListAgentDesignation', 50, 'ListAgentDesignation'), ('ListingTerms', 1024, 'ListingTerms'),
  ('LockBoxType', 1024, 'LockBoxType'), ('LotFeatures', 1024, 'LotFeatures'),
  ('OperatingExpenseIncludes', 1024, 'OperatingExpenseIncludes'),
  ('OtherEquipment', 1024, 'OtherEquipment'), ('OtherStructures', 1024, 'OtherStructures'),
  ('OwnerPays', 1024, 'OwnerPays'), ('ParkingFeatures', 1024, 'ParkingFeatures'),
  ('PatioAndPorchFeatures', 1024, 'PatioAndPorchFeatures'), ('PetsAllowed', 1024, 'PetsAllowed'),
  ('PoolFeatures', 1024, 'PoolFeatures'), ('Possession', 255, 'Possession'),
  ('PossibleUse', 1024, 'CurrentOrPossibleUse'),
  ('PowerProductionType', 1024, 'PowerProductionType'),
  ('PropertyCondition', 1024, 'PropertyCondition'), ('RentIncludes', 1024, 'RentIncludes'),
  ('RoadFrontageType', 1024, 'RoadFrontageType'),
  ('RoadResponsibility', 1024, 'RoadResponsibility'),
  ('RoadSurfaceType', 1024, 'RoadSurfaceType'), ('Roof', 1024, 'Roof'),
  ('RoomType', 1024, 'RoomType'), ('SecurityFeatures', 1024, 'SecurityFeatures'),
  ('Sewer', 1024, 'Sewer'), ('ShowingConsiderations', 255, 'ShowingConsiderations'),
  ('ShowingContactType', 75, 'ShowingContactType'), ('ShowingDays', 1024, 'ShowingDays'),
  ('ShowingRequirements', 1024, 'ShowingRequirements'), ('Skirt', 1024, 'Skirt'),
  ('SpaFeatures', 1024, 'SpaFeatures'), ('SpecialLicenses', 1024, 'SpecialLicenses'),
  ('SpecialListingConditions', 1024, 'SpecialListingConditions'),
  ('StructureType', 25, 'StructureType'), ('SyndicateTo', 1024, 'SyndicateTo'),
  ('TaxStatusCurrent', 50, 'TaxStatusCurrent'), ('TenantPays', 1024, 'TenantPays'),
  ('UnitTypeType', 1024, 'UnitTypeType'), ('Utilities', 1024, 'Utilities'),
  ('Vegetation', 1024, 'Vegetation'), ('View', 1024, 'View'),
  ('WaterSource', 1024, 'WaterSource'), ('WaterfrontFeatures', 1024, 'WaterfrontFeatures'),
  ('WindowFeatures', 1024, 'WindowFeatures')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'Property', 'Edm.Int64', v.* FROM (VALUES
  ('BathroomsFull', 3, 0), ('BathroomsHalf', 3, 0), ('BathroomsOneQuarter', 3, 0),
  ('BathroomsPartial', 3, 0), ('BathroomsThreeQuarter', 3, 0), ('BathroomsTotalInteger', 3, 0),
  ('BedroomsPossible', 3, 0), ('BedroomsTotal', 3, 0), ('ConcessionsAmount', 11, 0),
  ('CumulativeDaysOnMarket', 4, 0), ('DaysInMls', 4, 0), ('DaysOnMarket', 4, 0),
  ('DaysOnSite', 4, 0), ('DistanceToBusNumeric', 16, 0), ('DistanceToElectricNumeric', 16, 0),
  ('DistanceToFreewayNumeric', 16, 0), ('DistanceToGasNumeric', 16, 0),
  ('DistanceToPhoneServiceNumeric', 16, 0), ('DistanceToPlaceofWorshipNumeric', 16, 0),
  ('DistanceToSchoolBusNumeric', 16, 0), ('DistanceToSchoolsNumeric', 16, 0),
  ('DistanceToSewerNumeric', 16, 0), ('DistanceToShoppingNumeric', 16, 0),
  ('DistanceToStreetNumeric', 16, 0), ('DistanceToWaterNumeric', 16, 0),
  ('DocumentsCount', 2, 0), ('Elevation', 5, 0), ('EntryLevel', 4, 0), ('FireplacesTotal', 3, 0),
  ('MainLevelBathrooms', 3, 0), ('MainLevelBedrooms', 3, 0), ('MobileLength', 4, 0),
  ('MobileWidth', 4, 0), ('NumberOfBuildings', 3, 0), ('NumberOfFullTimeEmployees', 10, 0),
  ('NumberOfLots', 3, 0), ('NumberOfPads', 3, 0), ('NumberOfPartTimeEmployees', 10, 0),
  ('NumberOfSeparateElectricMeters', 3, 0), ('NumberOfSeparateGasMeters', 3, 0),
  ('NumberOfSeparateWaterMeters', 3, 0), ('NumberOfUnitsInCommunity', 5, 0),
  ('NumberOfUnitsLeased', 5, 0), ('NumberOfUnitsMoMo', 5, 0), ('NumberOfUnitsTotal', 3, 0),
  ('NumberOfUnitsVacant', 5, 0), ('PhotosCount', 2, 0),
  ('PropertyTimeZoneStandardOffset', 10, 0), ('RoomsTotal', 3, 0), ('SeatingCapacity', 10, 0),
  ('ShowingAdvanceNotice', 2, 0), ('SimpleDaysOnMarket', 4, 0), ('Stories', 2, 0),
  ('StoriesTotal', 3, 0), ('StreetNumberNumeric', 10, 0), ('TaxAssessedValue', 14, 0),
  ('TaxYear', 4, 0), ('VacancyAllowance', 9, 0), ('VideosCount', 2, 0), ('WalkScore', 3, 0),
  ('YearBuilt', 4, 0), ('YearBuiltEffective', 4, 0), ('YearEstablished', 4, 0),
  ('YearsCurrentOwner', 4, 0)) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'Property', 'Edm.Decimal', v.* FROM (VALUES
  ('AboveGradeFinishedArea', 14, 2), ('AboveGradeUnfinishedArea', 14, 2),
  ('AssociationFee', 14, 2), ('AssociationFee2', 14, 2), ('BelowGradeFinishedArea', 14, 2),
  ('BelowGradeUnfinishedArea', 14, 2), ('BuildingAreaTotal', 14, 2), ('CableTvExpense', 14, 2),
  ('CapRate', 5, 2), ('CarportSpaces', 14, 2), ('ClosePrice', 14, 2), ('CoveredSpaces', 14, 2),
  ('CultivatedArea', 14, 2), ('ElectricExpense', 14, 2), ('FoundationArea', 14, 2),
  ('FuelExpense', 14, 2), ('FurnitureReplacementExpense', 14, 2), ('GarageSpaces', 14, 2),
  ('GardenerExpense', 14, 2), ('GrossIncome', 14, 2), ('GrossLivingAreaAnsi', 14, 2),
  ('GrossScheduledIncome', 14, 2), ('InsuranceExpense', 14, 2),
  ('IrrigationWaterRightsAcres', 16, 4), ('LandLeaseAmount', 14, 2), ('Latitude', 12, 8),
  ('LeasableArea', 14, 2), ('LeaseAmount', 14, 2), ('LicensesExpense', 14, 2),
  ('ListPrice', 14, 2), ('ListPriceLow', 14, 2), ('LivingArea', 14, 2), ('Longitude', 12, 8),
  ('LotSizeAcres', 16, 4), ('LotSizeArea', 16, 4), ('LotSizeSquareFeet', 14, 2),
  ('MaintenanceExpense', 14, 2), ('ManagerExpense', 14, 2), ('NetOperatingIncome', 14, 2),
  ('NewTaxesExpense', 14, 2), ('OpenParkingSpaces', 14, 2), ('OperatingExpense', 14, 2),
  ('OriginalListPrice', 14, 2), ('OtherExpense', 14, 2), ('ParkingTotal', 14, 2),
  ('PastureArea', 14, 2), ('PestControlExpense', 14, 2), ('PoolExpense', 14, 2),
  ('PreviousListPrice', 14, 2), ('ProfessionalManagementExpense', 14, 2), ('RangeArea', 14, 2),
  ('SuppliesExpense', 14, 2), ('TaxAnnualAmount', 14, 2),
  ('TaxAnnualAmountPerLivingAreaUnit', 14, 2), ('TaxAnnualAmountPerSquareFoot', 14, 2),
  ('TaxOtherAnnualAssessmentAmount', 14, 2), ('TotalActualRent', 14, 2), ('TrashExpense', 14, 2),
  ('VacancyAllowanceRate', 5, 2), ('WaterSewerExpense', 14, 2), ('WoodedArea', 14, 2),
  ('WorkmansCompensationExpense', 14, 2)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Property', 'Edm.Boolean', v.* FROM (VALUES
  ('AdditionalParcelsYN'), ('AssociationYN'), ('AttachedGarageYN'), ('BasementYN'),
  ('CarportYN'), ('CompSaleYN'), ('CoolingYN'), ('CropsIncludedYN'),
  ('DualOrVariableRateCommissionYN'), ('ElectricOnPropertyYN'), ('FarmCreditServiceInclYN'),
  ('FireplaceYN'), ('GarageYN'), ('GrazingPermitsBlmYN'), ('GrazingPermitsForestServiceYN'),
  ('GrazingPermitsPrivateYN'), ('GreenVerificationYN'), ('HabitableResidenceYN'), ('HeatingYN'),
  ('HomeWarrantyYN'), ('HorseYN'), ('InternetAddressDisplayYN'),
  ('InternetAutomatedValuationDisplayYN'), ('InternetConsumerCommentYN'),
  ('InternetEntireListingDisplayYN'), ('IrrigationWaterRightsYN'), ('LandLeaseYN'),
  ('LeaseAssignableYN'), ('LeaseConsideredYN'), ('LeaseRenewalOptionYN'),
  ('MobileHomeRemainsYN'), ('NewConstructionYN'), ('OpenParkingYN'), ('PoolPrivateYN'),
  ('PowerProductionYN'), ('PropertyAttachedYN'), ('PropertyTimeZoneObservesDstYN'),
  ('RentControlYN'), ('SeniorCommunityYN'), ('ShowingAttendedYN'), ('SignOnPropertyYN'),
  ('SpaYN'), ('ViewYN'), ('WaterfrontYN')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Property', 'Edm.Date', v.* FROM (VALUES
  ('ActivationDate'), ('AvailabilityDate'), ('BackOnMarketDate'), ('CancellationDate'),
  ('CloseDate'), ('ContingentDate'), ('ContractStatusChangeDate'), ('ExpirationDate'),
  ('LandLeaseExpirationDate'), ('LeaseExpiration'), ('ListingContractDate'), ('OffMarketDate'),
  ('OnMarketDate'), ('PurchaseContractDate'), ('StartShowingDate'), ('WithdrawnDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Property', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('DocumentsChangeTimestamp'), ('MajorChangeTimestamp'), ('ModificationTimestamp'),
  ('OffMarketTimestamp'), ('OnMarketTimestamp'), ('OpenHouseModificationTimestamp'),
  ('OriginalEntryTimestamp'), ('PendingTimestamp'), ('PhotosChangeTimestamp'),
  ('PriceChangeTimestamp'), ('ShowingEndTime'), ('ShowingStartTime'), ('StatusChangeTimestamp'),
  ('VideosChangeTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'Property', true, v.* FROM (VALUES
  ('org.reso.metadata.Member', 'BuyerAgent', false, 'Member', 'BuyerAgentKey', 'MemberKey'),
  ('org.reso.metadata.Office', 'BuyerOffice', false, 'Office', 'BuyerOfficeKey', 'OfficeKey'),
  ('org.reso.metadata.Teams', 'BuyerTeam', false, 'Teams', 'BuyerTeamKey', 'TeamKey'),
  ('org.reso.metadata.Member', 'CoBuyerAgent', false, 'Member', 'CoBuyerAgentKey', 'MemberKey'),
  ('org.reso.metadata.Office', 'CoBuyerOffice', false, 'Office', 'CoBuyerOfficeKey', 'OfficeKey'),
  ('org.reso.metadata.Member', 'CoListAgent', false, 'Member', 'CoListAgentKey', 'MemberKey'),
  ('org.reso.metadata.Office', 'CoListOffice', false, 'Office', 'CoListOfficeKey', 'OfficeKey'),
  ('org.reso.metadata.PropertyGreenVerification', 'GreenBuildingVerifications', true, 'PropertyGreenVerification', NULL, 'ListingKey'),
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Member', 'ListAgent', false, 'Member', 'ListAgentKey', 'MemberKey'),
  ('org.reso.metadata.Office', 'ListOffice', false, 'Office', 'ListOfficeKey', 'OfficeKey'),
  ('org.reso.metadata.Teams', 'ListTeam', false, 'Teams', 'ListTeamKey', 'TeamKey'),
  ('org.reso.metadata.Media', 'Media', true, 'Media', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.OpenHouse', 'OpenHouses', true, 'OpenHouse', NULL, 'ListingKey'),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', 'OriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.PropertyPowerProduction', 'PowerProduction', true, 'PropertyPowerProduction', NULL, 'ListingKey'),
  ('org.reso.metadata.PropertyRooms', 'Rooms', true, 'PropertyRooms', NULL, 'ListingKey'),
  ('org.reso.metadata.SocialMedia', 'SocialMedia', true, 'SocialMedia', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', 'SourceSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.PropertyUnitTypes', 'UnitTypes', true, 'PropertyUnitTypes', NULL, 'ListingKey')) v;

-- PropertyGreenVerification

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'PropertyGreenVerification', 'Edm.String', v.* FROM (VALUES
  ('GreenBuildingVerificationKey', 255), ('GreenVerificationBody', 50),
  ('GreenVerificationRating', 50), ('GreenVerificationURL', 8000),
  ('GreenVerificationVersion', 25), ('ListingId', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'PropertyGreenVerification', 'Edm.String', v.* FROM (VALUES
  ('ListingKey', 255, 'Property', 'ListingKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'PropertyGreenVerification', 'Edm.String', false, v.* FROM (VALUES
  ('GreenBuildingVerificationType', 1024, 'GreenBuildingVerificationType'),
  ('GreenVerificationSource', 25, 'GreenVerificationSource'),
  ('GreenVerificationStatus', 25, 'GreenVerificationStatus')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'PropertyGreenVerification', 'Edm.Int64', v.* FROM (VALUES
  ('GreenVerificationMetric', 3, 0), ('GreenVerificationYear', 4, 0)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'PropertyGreenVerification', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'PropertyGreenVerification', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Property', 'Listing', false, 'Property', 'ListingKey', 'ListingKey')) v;

-- PropertyPowerProduction

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'PropertyPowerProduction', 'Edm.String', v.* FROM (VALUES
  ('ListingId', 255), ('PowerProductionKey', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'PropertyPowerProduction', 'Edm.String', v.* FROM (VALUES
  ('ListingKey', 255, 'Property', 'ListingKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'PropertyPowerProduction', 'Edm.String', false, v.* FROM (VALUES
  ('PowerProductionAnnualStatus', 25, 'PowerProductionAnnualStatus'),
  ('PowerProductionOwnership', 25, 'PowerProductionOwnership'),
  ('PowerProductionType', 1024, 'PowerProductionType')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'PropertyPowerProduction', 'Edm.Int64', v.* FROM (VALUES
  ('PowerProductionAnnual', 6, 0), ('PowerProductionYearInstall', 4, 0)) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'PropertyPowerProduction', 'Edm.Decimal', v.* FROM (VALUES
  ('PowerProductionSize', 5, 2)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'PropertyPowerProduction', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'PropertyPowerProduction', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Property', 'Listing', false, 'Property', 'ListingKey', 'ListingKey')) v;

-- PropertyPowerStorage

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'PropertyPowerStorage', 'Edm.String', v.* FROM (VALUES
  ('InformationSource', 255), ('PowerStorageKey', 255)) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'PropertyPowerStorage', 'Edm.String', false, v.* FROM (VALUES
  ('PowerStorageType', 50, 'PowerStorageType')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'PropertyPowerStorage', 'Edm.Decimal', v.* FROM (VALUES
  ('NameplateCapacity', 3, 2)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'PropertyPowerStorage', 'Edm.Date', v.* FROM (VALUES
  ('DateOfInstallation')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'PropertyPowerStorage', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;

-- PropertyRooms

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'PropertyRooms', 'Edm.String', v.* FROM (VALUES
  ('ListingId', 255), ('RoomDescription', 1024), ('RoomDimensions', 50), ('RoomKey', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'PropertyRooms', 'Edm.String', v.* FROM (VALUES
  ('ListingKey', 255, 'Property', 'ListingKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'PropertyRooms', 'Edm.String', false, v.* FROM (VALUES
  ('BedroomClosetType', 25, 'ClosetType'), ('RoomAreaSource', 50, 'AreaSource'),
  ('RoomAreaUnits', 25, 'AreaUnits'), ('RoomLengthWidthSource', 50, 'RoomLengthWidthSource'),
  ('RoomLengthWidthUnits', 25, 'LinearUnits'), ('RoomLevel', 25, 'RoomLevel'),
  ('RoomType', 1024, 'RoomType')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'PropertyRooms', 'Edm.String', true, v.* FROM (VALUES
  ('RoomFeatures', 1024, 'InteriorOrRoomFeatures')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'PropertyRooms', 'Edm.Decimal', v.* FROM (VALUES
  ('RoomArea', 14, 2), ('RoomLength', 14, 2), ('RoomWidth', 14, 2)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'PropertyRooms', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'PropertyRooms', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Property', 'Listing', false, 'Property', 'ListingKey', 'ListingKey')) v;

-- PropertyUnitTypes

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'PropertyUnitTypes', 'Edm.String', v.* FROM (VALUES
  ('ListingId', 255), ('UnitTypeDescription', 1024), ('UnitTypeKey', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'PropertyUnitTypes', 'Edm.String', v.* FROM (VALUES
  ('ListingKey', 255, 'Property', 'ListingKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'PropertyUnitTypes', 'Edm.String', false, v.* FROM (VALUES
  ('UnitTypeFurnished', 20, 'Furnished'), ('UnitTypeType', 1024, 'UnitTypeType')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'PropertyUnitTypes', 'Edm.Int64', v.* FROM (VALUES
  ('UnitTypeBathsTotal', 3, 0), ('UnitTypeBedsTotal', 3, 0), ('UnitTypeProForma', 6, 0),
  ('UnitTypeUnitsTotal', 3, 0)) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'PropertyUnitTypes', 'Edm.Decimal', v.* FROM (VALUES
  ('UnitTypeActualRent', 14, 2), ('UnitTypeGarageSpaces', 14, 2), ('UnitTypeTotalRent', 14, 2)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'PropertyUnitTypes', 'Edm.Boolean', v.* FROM (VALUES
  ('UnitTypeGarageAttachedYN')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'PropertyUnitTypes', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'PropertyUnitTypes', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Property', 'Listing', false, 'Property', 'ListingKey', 'ListingKey')) v;

-- Prospecting

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Prospecting', 'Edm.String', v.* FROM (VALUES
  ('BccEmailList', 1024), ('CcEmailList', 1024), ('DisplayTemplateID', 25), ('MessageNew', 4000),
  ('MessageRevise', 4000), ('MessageUpdate', 4000), ('OwnerMemberID', 25),
  ('ProspectingKey', 255), ('Subject', 255), ('ToEmailList', 1024)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'Prospecting', 'Edm.String', v.* FROM (VALUES
  ('ContactKey', 255, 'Contacts', 'ContactKey'), ('OwnerMemberKey', 255, 'Member', 'MemberKey'),
  ('SavedSearchKey', 255, 'SavedSearch', 'SavedSearchKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Prospecting', 'Edm.String', false, v.* FROM (VALUES
  ('Language', 25, 'Languages'), ('ReasonActiveOrDisabled', 50, 'ReasonActiveOrDisabled'),
  ('ScheduleType', 25, 'ScheduleType')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Prospecting', 'Edm.String', true, v.* FROM (VALUES
  ('DailySchedule', 1024, 'DailySchedule')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Prospecting', 'Edm.Boolean', v.* FROM (VALUES
  ('ActiveYN'), ('BccMeYN'), ('ClientActivatedYN'), ('ConciergeNotificationsYN'),
  ('ConciergeYN')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Prospecting', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('LastNewChangedTimestamp'), ('LastViewedTimestamp'), ('ModificationTimestamp'),
  ('NextSendTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'Prospecting', true, v.* FROM (VALUES
  ('org.reso.metadata.Contacts', 'Contact', false, 'Contacts', 'ContactKey', 'ContactKey'),
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Media', 'Media', true, 'Media', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Member', 'OwnerMember', false, 'Member', 'OwnerMemberKey', 'MemberKey'),
  ('org.reso.metadata.SavedSearch', 'SavedSearch', false, 'SavedSearch', 'SavedSearchKey', 'SavedSearchKey')) v;

-- Queue

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Queue', 'Edm.String', v.* FROM (VALUES
  ('OriginatingSystemID', 25), ('OriginatingSystemName', 255),
  ('OriginatingSystemQueueKey', 255), ('QueueTransactionKey', 255), ('ResourceRecordID', 255),
  ('SourceSystemID', 25), ('SourceSystemName', 255), ('SourceSystemQueueKey', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'Queue', 'Edm.String', v.* FROM (VALUES
  ('ResourceRecordKey', 255, '*', NULL)) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Queue', 'Edm.String', false, v.* FROM (VALUES
  ('ClassName', 50, 'ClassName'), ('QueueTransactionType', 255, 'QueueTransactionType'),
  ('ResourceName', 50, 'ResourceName')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Queue', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'Queue', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, NULL),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', 'OriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', 'SourceSystemID', 'OrganizationUniqueId')) v;

-- Rules

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Rules', 'Edm.String', v.* FROM (VALUES
  ('FieldName', 255), ('OriginatingSystemID', 25), ('OriginatingSystemName', 255),
  ('OriginatingSystemRuleKey', 255), ('RuleAction', 8000), ('RuleDescription', 8000),
  ('RuleErrorText', 8000), ('RuleExpression', 8000), ('RuleHelpText', 8000), ('RuleKey', 255),
  ('RuleName', 255), ('RuleVersion', 255), ('RuleWarningText', 8000),
  ('SourceSystemHistoryKey', 255), ('SourceSystemID', 25), ('SourceSystemName', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'Rules', 'Edm.String', v.* FROM (VALUES
  ('FieldKey', 255, 'Field', 'FieldKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Rules', 'Edm.String', false, v.* FROM (VALUES
  ('ClassName', 50, 'ClassName'), ('ResourceName', 50, 'ResourceName'),
  ('RuleFormat', 50, 'RuleFormat'), ('RuleType', 50, 'RuleType')) v;
INSERT INTO mls.dd_field (resource, type, field, precision, scale)
SELECT 'Rules', 'Edm.Int64', v.* FROM (VALUES
  ('RuleOrder', 64, 0)) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Rules', 'Edm.Boolean', v.* FROM (VALUES
  ('RuleEnabledYN')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Rules', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('OriginalEntryTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'Rules', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', 'OriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', 'SourceSystemID', 'OrganizationUniqueId')) v;

-- SavedSearch

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'SavedSearch', 'Edm.String', v.* FROM (VALUES
  ('MemberMlsId', 25), ('OriginatingSystemID', 25), ('OriginatingSystemKey', 255),
  ('OriginatingSystemMemberKey', 255), ('OriginatingSystemMemberName', 255),
  ('OriginatingSystemName', 255), ('SavedSearchDescription', 4000), ('SavedSearchKey', 255),
  ('SavedSearchName', 255), ('SearchQuery', 8000), ('SearchQueryExceptionDetails', 255),
  ('SearchQueryHumanReadable', 255), ('SourceSystemID', 25), ('SourceSystemKey', 255),
  ('SourceSystemName', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'SavedSearch', 'Edm.String', v.* FROM (VALUES
  ('MemberKey', 255, 'Member', 'MemberKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'SavedSearch', 'Edm.String', false, v.* FROM (VALUES
  ('ClassName', 50, 'ClassName'), ('ResourceName', 50, 'ResourceName'),
  ('SavedSearchType', 50, 'SavedSearchType'),
  ('SearchQueryExceptions', 50, 'SearchQueryExceptions'),
  ('SearchQueryType', 50, 'SearchQueryType')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'SavedSearch', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('OriginalEntryTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'SavedSearch', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, NULL),
  ('org.reso.metadata.Member', 'Member', false, 'Member', 'MemberKey', 'MemberKey'),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', 'OriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', 'SourceSystemID', 'OrganizationUniqueId')) v;

-- Showing

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Showing', 'Edm.String', v.* FROM (VALUES
  ('AgentOriginatingSystemID', 25), ('AgentOriginatingSystemName', 255),
  ('AgentSourceSystemID', 25), ('AgentSourceSystemName', 255), ('ListingId', 255),
  ('ListingOriginatingSystemID', 25), ('ListingOriginatingSystemName', 255),
  ('ListingSourceSystemID', 25), ('ListingSourceSystemName', 255),
  ('OriginatingSystemAgentKey', 255), ('OriginatingSystemListingKey', 255),
  ('OriginatingSystemShowingKey', 255), ('ShowingAgentMlsID', 25), ('ShowingId', 255),
  ('ShowingKey', 255), ('ShowingOriginatingSystemID', 25), ('ShowingOriginatingSystemName', 255),
  ('ShowingSourceSystemID', 25), ('ShowingSourceSystemName', 255), ('ShowingUrl', 255),
  ('SourceSystemAgentKey', 255), ('SourceSystemListingKey', 255),
  ('SourceSystemShowingKey', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'Showing', 'Edm.String', v.* FROM (VALUES
  ('ListingKey', 255, 'Property', 'ListingKey'), ('ShowingAgentKey', 255, 'Member', 'MemberKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Showing', 'Edm.String', false, v.* FROM (VALUES
  ('ShowingStatus', 50, 'ShowingStatus'), ('ShowingTimeZone', 150, 'IanaTimeZoneValues')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Showing', 'Edm.Boolean', v.* FROM (VALUES
  ('ShowingAllowed')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Showing', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('OriginalEntryTimestamp'), ('ShowingEndTimestamp'),
  ('ShowingRequestedTimestamp'), ('ShowingStartTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'Showing', true, v.* FROM (VALUES
  ('org.reso.metadata.OUID', 'AgentOriginatingSystem', false, 'OUID', 'AgentOriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'AgentSourceSystem', false, 'OUID', 'AgentSourceSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Property', 'Listing', false, 'Property', 'ListingKey', 'ListingKey'),
  ('org.reso.metadata.OUID', 'ListingOriginatingSystem', false, 'OUID', 'ListingOriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'ListingSourceSystem', false, 'OUID', 'ListingSourceSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.Media', 'Media', true, 'Media', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Member', 'ShowingAgent', false, 'Member', 'ShowingAgentKey', 'MemberKey'),
  ('org.reso.metadata.OUID', 'ShowingOriginatingSystem', false, 'OUID', 'ShowingOriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'ShowingSourceSystem', false, 'OUID', 'ShowingSourceSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.SocialMedia', 'SocialMedia', true, 'SocialMedia', NULL, 'ResourceRecordKey, ResourceName')) v;

-- ShowingAppointment

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'ShowingAppointment', 'Edm.String', v.* FROM (VALUES
  ('ShowingAgentMlsId', 255), ('ShowingAppointmentId', 255), ('ShowingAppointmentKey', 255),
  ('ShowingId', 25)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'ShowingAppointment', 'Edm.String', v.* FROM (VALUES
  ('ShowingAgentKey', 27, 'Member', 'MemberKey'), ('ShowingKey', 255, 'Showing', 'ShowingKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'ShowingAppointment', 'Edm.String', false, v.* FROM (VALUES
  ('ShowingAppointmentStatus', 27, 'ShowingAppointmentStatus')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'ShowingAppointment', 'Edm.String', true, v.* FROM (VALUES
  ('ShowingAppointmentMethod', 1024, 'ShowingAppointmentMethod')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'ShowingAppointment', 'Edm.Date', v.* FROM (VALUES
  ('ShowingAppointmentDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'ShowingAppointment', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('ShowingAppointmentEndTime'), ('ShowingAppointmentStartTime')) v;

-- ShowingAvailability

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'ShowingAvailability', 'Edm.String', v.* FROM (VALUES
  ('ShowingAvailabilityKey', 255), ('ShowingId', 255), ('ShowingMaximumDuration', 50),
  ('ShowingMinimumDuration', 50), ('UniqueOrganizationIdentifier', 25),
  ('UniversalPropertyId', 128)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'ShowingAvailability', 'Edm.String', v.* FROM (VALUES
  ('ShowingKey', 255, 'Showing', 'ShowingKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'ShowingAvailability', 'Edm.String', true, v.* FROM (VALUES
  ('ShowingMethod', 1024, 'ShowingMethod')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'ShowingAvailability', 'Edm.Date', v.* FROM (VALUES
  ('ShowingDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'ShowingAvailability', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('ShowingAvailableEndTime'), ('ShowingAvailableStartTime')) v;

-- ShowingRequest

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'ShowingRequest', 'Edm.String', v.* FROM (VALUES
  ('ShowingAgentMlsId', 25), ('ShowingId', 255), ('ShowingRequestDuration', 50),
  ('ShowingRequestId', 255), ('ShowingRequestKey', 255), ('ShowingRequestNotes', 255)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'ShowingRequest', 'Edm.String', v.* FROM (VALUES
  ('ShowingAgentKey', 255, 'Member', 'MemberKey'), ('ShowingKey', 255, 'Showing', 'ShowingKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'ShowingRequest', 'Edm.String', true, v.* FROM (VALUES
  ('ShowingMethodRequest', 1024, 'ShowingMethodRequest'),
  ('ShowingRequestType', 1024, 'ShowingRequestType'),
  ('ShowingRequestor', 1024, 'ShowingRequestor')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'ShowingRequest', 'Edm.Date', v.* FROM (VALUES
  ('ShowingRequestDate'), ('ShowingRequestedDate')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'ShowingRequest', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('ShowingRequestEndTime'), ('ShowingRequestStartTime'),
  ('ShowingRequestedTimestamp')) v;

-- SocialMedia

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'SocialMedia', 'Edm.String', v.* FROM (VALUES
  ('DisplayName', NULL), ('ResourceRecordID', 255), ('SocialMediaKey', 255),
  ('SocialMediaUrlOrId', 8000)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'SocialMedia', 'Edm.String', v.* FROM (VALUES
  ('ResourceRecordKey', 255, '*', NULL)) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'SocialMedia', 'Edm.String', false, v.* FROM (VALUES
  ('ClassName', 255, 'ClassName'), ('ResourceName', 50, 'ResourceName'),
  ('SocialMediaType', 50, 'SocialMediaType')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'SocialMedia', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'SocialMedia', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, NULL)) v;

-- TeamMembers

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'TeamMembers', 'Edm.String', v.* FROM (VALUES
  ('MemberLoginId', 25), ('MemberMlsId', 25), ('OriginatingSystemID', 25),
  ('OriginatingSystemKey', 255), ('OriginatingSystemName', 255), ('SourceSystemID', 25),
  ('SourceSystemKey', 255), ('SourceSystemName', 255), ('TeamMemberKey', 255),
  ('TeamMemberNationalAssociationId', 25), ('TeamMemberStateLicense', 50)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'TeamMembers', 'Edm.String', v.* FROM (VALUES
  ('MemberKey', 255, 'Member', 'MemberKey'), ('TeamKey', 255, 'Teams', 'TeamKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'TeamMembers', 'Edm.String', false, v.* FROM (VALUES
  ('TeamImpersonationLevel', 50, 'TeamImpersonationLevel'),
  ('TeamMemberType', 50, 'TeamMemberType')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'TeamMembers', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('OriginalEntryTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'TeamMembers', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Member', 'Member', false, 'Member', 'MemberKey', 'MemberKey'),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', 'OriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', 'SourceSystemID', 'OrganizationUniqueId')) v;

-- Teams

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'Teams', 'Edm.String', v.* FROM (VALUES
  ('OriginatingSystemID', 25), ('OriginatingSystemKey', 255), ('OriginatingSystemName', 255),
  ('SourceSystemID', 25), ('SourceSystemKey', 255), ('SourceSystemName', 255),
  ('TeamAddress1', 50), ('TeamAddress2', 50), ('TeamCarrierRoute', 9), ('TeamCity', 50),
  ('TeamDescription', 1024), ('TeamDirectPhone', 16), ('TeamEmail', 80), ('TeamFax', 16),
  ('TeamKey', 255), ('TeamLeadLoginId', 25), ('TeamLeadMlsId', 25),
  ('TeamLeadNationalAssociationId', 25), ('TeamLeadStateLicense', 50), ('TeamMobilePhone', 16),
  ('TeamName', 50), ('TeamOfficePhone', 16), ('TeamOfficePhoneExt', 10), ('TeamPostalCode', 10),
  ('TeamPostalCodePlus4', 4), ('TeamPreferredPhone', 16), ('TeamPreferredPhoneExt', 10),
  ('TeamTollFreePhone', 16), ('TeamVoiceMail', 16), ('TeamVoiceMailExt', 10)) v;
INSERT INTO mls.dd_field (resource, type, field, max_length, target_resource, references_field)
SELECT 'Teams', 'Edm.String', v.* FROM (VALUES
  ('TeamLeadKey', 255, 'Member', 'MemberKey')) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'Teams', 'Edm.String', false, v.* FROM (VALUES
  ('SocialMediaType', 25, 'SocialMediaType'), ('TeamCountry', 2, 'Country'),
  ('TeamCountyOrParish', 50, 'CountyOrParish'),
  ('TeamLeadStateLicenseState', 2, 'StateOrProvince'),
  ('TeamStateOrProvince', 2, 'StateOrProvince'), ('TeamStatus', 25, 'TeamStatus')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'Teams', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp'), ('OriginalEntryTimestamp')) v;
INSERT INTO mls.dd_field (resource, is_expansion, type, field, is_collection, target_resource, link_field, references_field)
SELECT 'Teams', true, v.* FROM (VALUES
  ('org.reso.metadata.HistoryTransactional', 'HistoryTransactional', true, 'HistoryTransactional', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.Media', 'Media', true, 'Media', NULL, 'ResourceRecordKey, ResourceName'),
  ('org.reso.metadata.OUID', 'OriginatingSystem', false, 'OUID', 'OriginatingSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.OUID', 'SourceSystem', false, 'OUID', 'SourceSystemID', 'OrganizationUniqueId'),
  ('org.reso.metadata.Member', 'TeamLead', false, 'Member', 'TeamLeadKey', 'MemberKey'),
  ('org.reso.metadata.SocialMedia', 'TeamsSocialMedia', true, 'SocialMedia', NULL, 'ResourceRecordKey, ResourceName')) v;

-- TransactionManagement

INSERT INTO mls.dd_field (resource, type, field, max_length)
SELECT 'TransactionManagement', 'Edm.String', v.* FROM (VALUES
  ('TransactionId', 255), ('TransactionKey', 255)) v;
INSERT INTO mls.dd_field (resource, type, is_collection, field, max_length, lookup_name)
SELECT 'TransactionManagement', 'Edm.String', false, v.* FROM (VALUES
  ('TransactionType', 50, 'TransactionType')) v;
INSERT INTO mls.dd_field (resource, type, field)
SELECT 'TransactionManagement', 'Edm.DateTimeOffset', v.* FROM (VALUES
  ('ModificationTimestamp')) v;
