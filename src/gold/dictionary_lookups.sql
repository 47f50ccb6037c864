-- Data Dictionary 2.0: the values of the lookups, each with its older OData name where that differs.

INSERT INTO mls.dd_lookup
SELECT 'AccessibilityFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Accessible Approach with Ramp', 'AccessibleApproachWithRamp'),
  ('Accessible Bedroom', 'AccessibleBedroom'),
  ('Accessible Central Living Area', 'AccessibleCentralLivingArea'),
  ('Accessible Closets', 'AccessibleClosets'),
  ('Accessible Common Area', 'AccessibleCommonArea'), ('Accessible Doors', 'AccessibleDoors'),
  ('Accessible Electrical and Environmental Controls', 'AccessibleElectricalAndEnvironmentalControls'),
  ('Accessible Elevator Installed', 'AccessibleElevatorInstalled'),
  ('Accessible Entrance', 'AccessibleEntrance'), ('Accessible Full Bath', 'AccessibleFullBath'),
  ('Accessible Hallway(s)', 'AccessibleHallways'), ('Accessible Kitchen', 'AccessibleKitchen'),
  ('Accessible Kitchen Appliances', 'AccessibleKitchenAppliances'),
  ('Accessible Stairway', 'AccessibleStairway'),
  ('Accessible Washer/Dryer', 'AccessibleWasherDryer'),
  ('Accessible for Hearing-Impairment', 'AccessibleForHearingImpairment'),
  ('Adaptable Bathroom Walls', 'AdaptableBathroomWalls'),
  ('Adaptable For Elevator', 'AdaptableForElevator'), ('Ceiling Track', 'CeilingTrack'),
  ('Central Living Area', 'CentralLivingArea'), ('Common Area', 'CommonArea'),
  ('Customized Wheelchair Accessible', 'CustomizedWheelchairAccessible'),
  ('Electronic Environmental Controls', 'ElectronicEnvironmentalControls'),
  ('Enhanced Accessible', 'EnhancedAccessible'),
  ('Exterior Wheelchair Lift', 'ExteriorWheelchairLift'),
  ('Grip-Accessible Features', 'GripAccessibleFeatures'),
  ('Reinforced Floors', 'ReinforcedFloors'),
  ('Safe Emergency Egress from Home', 'SafeEmergencyEgressFromHome'),
  ('Smart Technology', 'SmartTechnology'), ('Stair Lift', 'StairLift'),
  ('Standby Generator', 'StandbyGenerator'), ('Therapeutic Whirlpool', 'TherapeuticWhirlpool'),
  ('Visitable', NULL), ('Visitor Bathroom', 'VisitorBathroom'),
  ('Walker-Accessible Stairs', 'WalkerAccessibleStairs')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ActorType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agent', NULL), ('Bot', NULL), ('Client', NULL), ('Consumer', NULL), ('Unknown', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Appliances', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Bar Fridge', 'BarFridge'), ('Built-In Electric Oven', 'BuiltInElectricOven'),
  ('Built-In Electric Range', 'BuiltInElectricRange'), ('Built-In Freezer', 'BuiltInFreezer'),
  ('Built-In Gas Oven', 'BuiltInGasOven'), ('Built-In Gas Range', 'BuiltInGasRange'),
  ('Built-In Range', 'BuiltInRange'), ('Built-In Refrigerator', 'BuiltInRefrigerator'),
  ('Convection Oven', 'ConvectionOven'), ('Cooktop', NULL), ('Dishwasher', NULL),
  ('Disposal', NULL), ('Double Oven', 'DoubleOven'), ('Down Draft', 'DownDraft'),
  ('Dryer', NULL), ('ENERGY STAR Qualified Appliances', 'EnergyStarQualifiedAppliances'),
  ('ENERGY STAR Qualified Dishwasher', 'EnergyStarQualifiedDishwasher'),
  ('ENERGY STAR Qualified Dryer', 'EnergyStarQualifiedDryer'),
  ('ENERGY STAR Qualified Freezer', 'EnergyStarQualifiedFreezer'),
  ('ENERGY STAR Qualified Refrigerator', 'EnergyStarQualifiedRefrigerator'),
  ('ENERGY STAR Qualified Washer', 'EnergyStarQualifiedWasher'),
  ('ENERGY STAR Qualified Water Heater', 'EnergyStarQualifiedWaterHeater'),
  ('Electric Cooktop', 'ElectricCooktop'), ('Electric Oven', 'ElectricOven'),
  ('Electric Range', 'ElectricRange'), ('Electric Water Heater', 'ElectricWaterHeater'),
  ('Exhaust Fan', 'ExhaustFan'), ('Free-Standing Electric Oven', 'FreeStandingElectricOven'),
  ('Free-Standing Electric Range', 'FreeStandingElectricRange'),
  ('Free-Standing Freezer', 'FreeStandingFreezer'),
  ('Free-Standing Gas Oven', 'FreeStandingGasOven'),
  ('Free-Standing Gas Range', 'FreeStandingGasRange'),
  ('Free-Standing Range', 'FreeStandingRange'),
  ('Free-Standing Refrigerator', 'FreeStandingRefrigerator'), ('Freezer', NULL),
  ('Gas Cooktop', 'GasCooktop'), ('Gas Oven', 'GasOven'), ('Gas Range', 'GasRange'),
  ('Gas Water Heater', 'GasWaterHeater'), ('Heat Pump Water Heater', 'HeatPumpWaterHeater'),
  ('Humidifier', NULL), ('Ice Maker', 'IceMaker'), ('Indoor Grill', 'IndoorGrill'),
  ('Induction Cooktop', 'InductionCooktop'), ('Instant Hot Water', 'InstantHotWater'),
  ('Microwave', NULL), ('None', NULL), ('Other', NULL), ('Oven', NULL),
  ('Plumbed For Ice Maker', 'PlumbedForIceMaker'), ('Portable Dishwasher', 'PortableDishwasher'),
  ('Propane Cooktop', 'PropaneCooktop'), ('Range', NULL), ('Range Hood', 'RangeHood'),
  ('Refrigerator', NULL), ('Self Cleaning Oven', 'SelfCleaningOven'),
  ('Smart Appliance(s)', 'SmartAppliances'), ('Solar Hot Water', 'SolarHotWater'),
  ('Stainless Steel Appliance(s)', 'StainlessSteelAppliances'),
  ('Tankless Water Heater', 'TanklessWaterHeater'), ('Trash Compactor', 'TrashCompactor'),
  ('Vented Exhaust Fan', 'VentedExhaustFan'), ('Warming Drawer', 'WarmingDrawer'),
  ('Washer', NULL), ('Washer/Dryer', 'WasherDryer'),
  ('Washer/Dryer Stacked', 'WasherDryerStacked'), ('Water Heater', 'WaterHeater'),
  ('Water Purifier', 'WaterPurifier'), ('Water Purifier Owned', 'WaterPurifierOwned'),
  ('Water Purifier Rented', 'WaterPurifierRented'), ('Water Softener', 'WaterSoftener'),
  ('Water Softener Owned', 'WaterSoftenerOwned'),
  ('Water Softener Rented', 'WaterSoftenerRented'), ('Wine Cooler', 'WineCooler'),
  ('Wine Refrigerator', 'WineRefrigerator')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ArchitecturalStyle', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('A-Frame', 'AFrame'), ('Art Deco', 'ArtDeco'), ('Barndominium', NULL), ('Berm', NULL),
  ('Bungalow', NULL), ('Cabin', NULL), ('Cape Cod', 'CapeCod'), ('Colonial', NULL),
  ('Contemporary', NULL), ('Craftsman', NULL), ('Creole', NULL), ('Dome', NULL),
  ('Dutch Colonial', 'DutchColonial'), ('Farmhouse', NULL), ('Federal', NULL),
  ('French Provincial', 'FrenchProvincial'), ('Georgian', NULL),
  ('Gothic Revival', 'GothicRevival'), ('Greek Revival', 'GreekRevival'), ('Italianate', NULL),
  ('Mediterranean', NULL), ('Mid-Century Modern', 'MidCenturyModern'), ('Modern', NULL),
  ('Monterey', NULL), ('National', NULL), ('Neoclassical', NULL), ('Other', NULL),
  ('Prairie', NULL), ('Pueblo', NULL), ('Queen Anne', 'QueenAnne'),
  ('Raised Ranch', 'RaisedRanch'), ('Ranch', NULL), ('Regency', NULL), ('Rustic', NULL),
  ('Saltbox', NULL), ('See Remarks', 'SeeRemarks'), ('Shingle', NULL), ('Shotgun', NULL),
  ('Spanish', NULL), ('Split Level', 'SplitLevel'), ('Stick', NULL), ('Traditional', NULL),
  ('Tudor', NULL), ('Victorian', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'AreaSource', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Appraiser', NULL), ('Assessor', NULL), ('Builder', NULL), ('Estimated', NULL),
  ('Other', NULL), ('Owner', NULL), ('Plans', NULL), ('Public Records', 'PublicRecords'),
  ('See Remarks', 'SeeRemarks')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'AreaUnits', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Square Feet', 'SquareFeet'), ('Square Meters', 'SquareMeters')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'AssociationAmenities', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Airport/Runway', 'AirportRunway'), ('Barbecue', NULL),
  ('Basketball Court', 'BasketballCourt'), ('Beach Access', 'BeachAccess'),
  ('Beach Rights', 'BeachRights'), ('Billiard Room', 'BilliardRoom'), ('Boat Dock', 'BoatDock'),
  ('Boat Slip', 'BoatSlip'), ('Boating', NULL), ('Cabana', NULL), ('Cable TV', 'CableTv'),
  ('Car Wash Area', 'CarWashArea'), ('Clubhouse', NULL), ('Coin Laundry', 'CoinLaundry'),
  ('Concierge', NULL), ('Day Care', 'DayCare'), ('Dog Park', 'DogPark'), ('Dry Dock', 'DryDock'),
  ('Electricity', NULL), ('Elevator(s)', 'Elevators'), ('Exercise Course', 'ExerciseCourse'),
  ('Fitness Center', 'FitnessCenter'), ('Game Court Exterior', 'GameCourtExterior'),
  ('Game Court Interior', 'GameCourtInterior'), ('Game Room', 'GameRoom'), ('Gas', NULL),
  ('Gated', NULL), ('Golf Course', 'GolfCourse'), ('Hot Water', 'HotWater'),
  ('Indoor Pool', 'IndoorPool'), ('Insurance', NULL), ('Jogging Path', 'JoggingPath'),
  ('Landscaping', NULL), ('Laundry', NULL), ('Maid service', 'MaidService'),
  ('Maintenance', NULL), ('Maintenance Grounds', 'MaintenanceGrounds'),
  ('Maintenance Structure', 'MaintenanceStructure'), ('Management', NULL), ('Marina', NULL),
  ('Meeting Room', 'MeetingRoom'), ('None', NULL), ('Other', NULL), ('Park', NULL),
  ('Parking', NULL), ('Party Room', 'PartyRoom'), ('Picnic Area', 'PicnicArea'),
  ('Playground', NULL), ('Pond Seasonal', 'PondSeasonal'), ('Pond Year Round', 'PondYearRound'),
  ('Pool', NULL), ('Powered Boats Allowed', 'PoweredBoatsAllowed'), ('RV Parking', 'RvParking'),
  ('RV/Boat Storage', 'RvBoatStorage'), ('Racquetball', NULL),
  ('Recreation Facilities', 'RecreationFacilities'), ('Recreation Room', 'RecreationRoom'),
  ('Roof Deck', 'RoofDeck'), ('Sauna', NULL), ('Security', NULL),
  ('Service Elevator(s)', 'ServiceElevators'), ('Shuffleboard Court', 'ShuffleboardCourt'),
  ('Ski Accessible', 'SkiAccessible'), ('Snow Removal', 'SnowRemoval'),
  ('Spa/Hot Tub', 'SpaHotTub'), ('Sport Court', 'SportCourt'), ('Stable(s)', 'Stables'),
  ('Storage', NULL), ('Stream Seasonal', 'StreamSeasonal'),
  ('Stream Year Round', 'StreamYearRound'), ('Taxes', NULL), ('Tennis Court(s)', 'TennisCourts'),
  ('Trail(s)', 'Trails'), ('Trash', NULL), ('Water', NULL), ('Workshop Area', 'WorkshopArea')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'AssociationFeeIncludes', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Cable TV', 'CableTv'), ('Earthquake Insurance', 'EarthquakeInsurance'),
  ('Electricity', NULL), ('Gas', NULL), ('Insurance', NULL), ('Internet', NULL),
  ('Maintenance Grounds', 'MaintenanceGrounds'),
  ('Maintenance Structure', 'MaintenanceStructure'), ('Pest Control', 'PestControl'),
  ('Security', NULL), ('Sewer', NULL), ('Snow Removal', 'SnowRemoval'), ('Trash', NULL),
  ('Utilities', NULL), ('Water', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'AssociationStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Active', NULL), ('Inactive', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'AssociationType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Local', NULL), ('MLS', 'Mls'), ('Not Applicable', 'NotApplicable')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Attended', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agent', NULL), ('Seller', NULL), ('Unattended', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Basement', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Apartment', NULL), ('Bath/Stubbed', 'BathStubbed'), ('Block', NULL), ('Concrete', NULL),
  ('Crawl Space', 'CrawlSpace'), ('Daylight', NULL), ('Dirt Floor', 'DirtFloor'),
  ('Exterior Entry', 'ExteriorEntry'), ('Finished', NULL), ('French Drain', 'FrenchDrain'),
  ('Full', NULL), ('Full Exposure', 'FullExposure'), ('Interior Entry', 'InteriorEntry'),
  ('No Exposure', 'NoExposure'), ('None', NULL), ('Other', NULL), ('Partial', NULL),
  ('Partial Exposure', 'PartialExposure'), ('Partially Finished', 'PartiallyFinished'),
  ('Storage Space', 'StorageSpace'), ('Sump Pump', 'SumpPump'), ('Unfinished', NULL),
  ('Walk-Out Access', 'WalkOutAccess'), ('Walk-Up Access', 'WalkUpAccess')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'BillingPreference', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Email', NULL), ('Fax', NULL), ('Mail', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'BodyType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Double Wide', 'DoubleWide'), ('Expando', NULL), ('Other', NULL), ('Quad Wide', 'QuadWide'),
  ('See Remarks', 'SeeRemarks'), ('Single Wide', 'SingleWide'), ('Triple Wide', 'TripleWide')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'BusinessType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Accounting', NULL), ('Administrative and Support', 'AdministrativeAndSupport'),
  ('Advertising', NULL), ('Agriculture', NULL), ('Animal Grooming', 'AnimalGrooming'),
  ('Appliances', NULL), ('Aquarium Supplies', 'AquariumSupplies'),
  ('Arts and Entertainment', 'ArtsAndEntertainment'), ('Athletic', NULL),
  ('Auto Body', 'AutoBody'), ('Auto Dealer', 'AutoDealer'), ('Auto Glass', 'AutoGlass'),
  ('Auto Parts', 'AutoParts'), ('Auto Rent/Lease', 'AutoRentLease'),
  ('Auto Repair-Specialty', 'AutoRepairSpecialty'), ('Auto Service', 'AutoService'),
  ('Auto Stereo/Alarm', 'AutoStereoAlarm'), ('Auto Tires', 'AutoTires'),
  ('Auto Wrecking', 'AutoWrecking'), ('Bakery', NULL), ('Bar/Tavern/Lounge', 'BarTavernLounge'),
  ('Barber/Beauty', 'BarberBeauty'), ('Bed & Breakfast', 'BedAndBreakfast'),
  ('Books/Cards/Stationary', 'BooksCardsStationary'), ('Butcher', NULL), ('Cabinets', NULL),
  ('Candy/Cookie', 'CandyCookie'), ('Car Wash', 'CarWash'), ('Carpet/Tile', 'CarpetTile'),
  ('Child Care', 'ChildCare'), ('Church', NULL), ('Clothing', NULL), ('Commercial', NULL),
  ('Computer', NULL), ('Construction/Contractor', 'ConstructionContractor'),
  ('Convalescent', NULL), ('Convenience Store', 'ConvenienceStore'),
  ('Dance Studio', 'DanceStudio'), ('Decorator', NULL), ('Deli/Catering', 'DeliCatering'),
  ('Dental', NULL), ('Distribution', NULL), ('Doughnut', NULL), ('Drugstore', NULL),
  ('Dry Cleaner', 'DryCleaner'), ('Education/School', 'EducationSchool'), ('Electronics', NULL),
  ('Employment', NULL), ('Farm', NULL), ('Fast Food', 'FastFood'), ('Financial', NULL),
  ('Fitness', NULL), ('Florist/Nursery', 'FloristNursery'),
  ('Food & Beverage', 'FoodAndBeverage'), ('Forest Reserve', 'ForestReserve'),
  ('Franchise', NULL), ('Furniture', NULL), ('Gas Station', 'GasStation'),
  ('Gift Shop', 'GiftShop'), ('Grocery', NULL), ('Hardware', NULL),
  ('Health Food', 'HealthFood'), ('Health Services', 'HealthServices'), ('Hobby', NULL),
  ('Home Cleaner', 'HomeCleaner'), ('Hospitality', NULL), ('Hotel/Motel', 'HotelMotel'),
  ('Ice Cream/Frozen Yogurt', 'IceCreamFrozenYogurt'), ('Industrial', NULL), ('Jewelry', NULL),
  ('Landscaping', NULL), ('Laundromat', NULL), ('Liquor Store', 'LiquorStore'),
  ('Locksmith', NULL), ('Manufacturing', NULL), ('Medical', NULL), ('Mixed', NULL),
  ('Mobile/Trailer Park', 'MobileTrailerPark'), ('Music', NULL), ('Nursing Home', 'NursingHome'),
  ('Office Supply', 'OfficeSupply'), ('Other', NULL), ('Paints', NULL), ('Parking', NULL),
  ('Pet Store', 'PetStore'), ('Photographer', NULL), ('Pizza', NULL), ('Printing', NULL),
  ('Professional Service', 'ProfessionalService'), ('Professional/Office', 'ProfessionalOffice'),
  ('Real Estate', 'RealEstate'), ('Recreation', NULL), ('Rental', NULL), ('Residential', NULL),
  ('Restaurant', NULL), ('Retail', NULL), ('Saddlery/Harness', 'SaddleryHarness'),
  ('Sporting Goods', 'SportingGoods'), ('Storage', NULL), ('Toys', NULL),
  ('Transportation', NULL), ('Travel', NULL), ('Upholstery', NULL), ('Utility', NULL),
  ('Variety', NULL), ('Video', NULL), ('Wallpaper', NULL), ('Warehouse', NULL),
  ('Wholesale', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'BuyerAgentDesignation', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Accredited Buyer''s Representative / ABR', 'AccreditedBuyersRepresentative'),
  ('Accredited Land Consultant / ALC', 'AccreditedLandConsultant'),
  ('At Home With Diversity / AHWD', 'AtHomeWithDiversity'),
  ('Certified Commercial Investment Member / CCIM', 'CertifiedCommercialInvestmentMember'),
  ('Certified Distressed Property Expert / CDPE', 'CertifiedDistressedPropertyExpert'),
  ('Certified International Property Specialist / CIPS', 'CertifiedInternationalPropertySpecialist'),
  ('Certified Property Manager / CPM', 'CertifiedPropertyManager'),
  ('Certified Real Estate Brokerage Manager / CRB', 'CertifiedRealEstateBrokerageManager'),
  ('Certified Real Estate Team Specialist / C-RETS', 'CertifiedRealEstateTeamSpecialist'),
  ('Certified Residential Specialist / CRS', 'CertifiedResidentialSpecialist'),
  ('Counselor of Real Estate / CRE', 'CounselorOfRealEstate'),
  ('General Accredited Appraiser / GAA', 'GeneralAccreditedAppraiser'),
  ('Graduate, REALTOR Institute / GRI', 'GraduateRealtorInstitute'),
  ('Military Relocation Professional / MRP', 'MilitaryRelocationProfessional'),
  ('NAR''s Green Designation / GREEN', 'NARsGreenDesignation'),
  ('Performance Management Network / PMN', 'PerformanceManagementNetwork'),
  ('Pricing Strategy Advisor / PSA', 'PricingStrategyAdvisor'),
  ('REALTOR Association Certified Executive / RCE', 'RealtorAssociationCertifiedExecutive'),
  ('Real Estate Negotiation Expert / RENE', 'RealEstateNegotiationExpert'),
  ('Residential Accredited Appraiser / RAA', 'ResidentialAccreditedAppraiser'),
  ('Resort & Second-Home Property Specialist / RSPS', 'ResortAndSecondHomePropertySpecialist'),
  ('Seller Representative Specialist / SRS', 'SellerRepresentativeSpecialist'),
  ('Seniors Real Estate Specialist / SRES', 'SeniorsRealEstateSpecialist'),
  ('Short Sales & Foreclosure Resource / SFR', 'ShortSalesAndForeclosureResource'),
  ('Society of Industrial and Office REALTORS / SIOR', 'SocietyOfIndustrialAndOfficeRealtors'),
  ('Transnational Referral Certification / TRC', 'TransnationalReferralCertification'),
  ('e-PRO', 'ePRO')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'BuyerFinancing', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Assumed', NULL), ('Cash', NULL), ('Contract', NULL), ('Conventional', NULL), ('FHA', 'Fha'),
  ('FHA 203(b)', 'Fha203b'), ('FHA 203(k)', 'Fha203k'), ('Other', NULL), ('Private', NULL),
  ('Seller Financing', 'SellerFinancing'), ('Trust Deed', 'TrustDeed'), ('USDA', 'Usda'),
  ('VA', 'Va')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CaravanAllowedClassNames', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Business Opportunity', 'BusinessOpportunity'), ('Commercial Lease', 'CommercialLease'),
  ('Commercial Sale', 'CommercialSale'), ('Farm', NULL), ('Land', NULL),
  ('Manufactured In Park', 'ManufacturedInPark'), ('Residential', NULL),
  ('Residential Income', 'ResidentialIncome'), ('Residential Lease', 'ResidentialLease')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CaravanAllowedStatuses', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Active', NULL), ('Active Under Contract', 'ActiveUnderContract'), ('Pending', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CaravanResourceName', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Association', NULL), ('Caravan', NULL), ('Contacts', NULL), ('Member', NULL),
  ('Office', NULL), ('OpenHouse', NULL), ('Property', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CaravanStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Active', NULL), ('Canceled', NULL), ('Ended', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CaravanStopAttended', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agent', NULL), ('Seller', NULL), ('Unattended', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CaravanStopClassName', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Business Opportunity', 'BusinessOpportunity'), ('Commercial Lease', 'CommercialLease'),
  ('Commercial Sale', 'CommercialSale'), ('Farm', NULL), ('Land', NULL),
  ('Manufactured In Park', 'ManufacturedInPark'), ('Residential', NULL),
  ('Residential Income', 'ResidentialIncome'), ('Residential Lease', 'ResidentialLease')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CaravanType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Association', NULL), ('Broker', NULL), ('Other', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ChangeType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Active', NULL), ('Active Under Contract', 'ActiveUnderContract'),
  ('Back On Market', 'BackOnMarket'), ('Canceled', NULL), ('Closed', NULL),
  ('Coming Soon', 'ComingSoon'), ('Deleted', NULL), ('Expired', NULL), ('Hold', NULL),
  ('New Listing', 'NewListing'), ('Pending', NULL), ('Price Change', 'PriceChange'),
  ('Withdrawn', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ClassName', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Business Opportunity', 'BusinessOpportunity'), ('Commercial Lease', 'CommercialLease'),
  ('Commercial Sale', 'CommercialSale'), ('Contacts', NULL), ('Cross Property', 'CrossProperty'),
  ('Farm', NULL), ('History Transactional', 'HistoryTransactional'), ('Land', NULL),
  ('Manufactured In Park', 'ManufacturedInPark'), ('Media', NULL), ('Member', NULL),
  ('Office', NULL), ('Open House', 'OpenHouse'), ('Residential', NULL),
  ('Residential Income', 'ResidentialIncome'), ('Residential Lease', 'ResidentialLease'),
  ('Saved Search', 'SavedSearch')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ClosetType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Built-in Closet', 'BuiltInCloset'), ('None', NULL), ('Walk-in Closet', 'WalkInCloset')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CoBuyerAgentDesignation', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Accredited Buyer''s Representative / ABR', 'AccreditedBuyersRepresentative'),
  ('Accredited Land Consultant / ALC', 'AccreditedLandConsultant'),
  ('At Home With Diversity / AHWD', 'AtHomeWithDiversity'),
  ('Certified Commercial Investment Member / CCIM', 'CertifiedCommercialInvestmentMember'),
  ('Certified Distressed Property Expert / CDPE', 'CertifiedDistressedPropertyExpert'),
  ('Certified International Property Specialist / CIPS', 'CertifiedInternationalPropertySpecialist'),
  ('Certified Property Manager / CPM', 'CertifiedPropertyManager'),
  ('Certified Real Estate Brokerage Manager / CRB', 'CertifiedRealEstateBrokerageManager'),
  ('Certified Real Estate Team Specialist / C-RETS', 'CertifiedRealEstateTeamSpecialist'),
  ('Certified Residential Specialist / CRS', 'CertifiedResidentialSpecialist'),
  ('Counselor of Real Estate / CRE', 'CounselorOfRealEstate'),
  ('General Accredited Appraiser / GAA', 'GeneralAccreditedAppraiser'),
  ('Graduate, REALTOR Institute / GRI', 'GraduateRealtorInstitute'),
  ('Military Relocation Professional / MRP', 'MilitaryRelocationProfessional'),
  ('NAR''s Green Designation / GREEN', 'NARsGreenDesignation'),
  ('Performance Management Network / PMN', 'PerformanceManagementNetwork'),
  ('Pricing Strategy Advisor / PSA', 'PricingStrategyAdvisor'),
  ('REALTOR Association Certified Executive / RCE', 'RealtorAssociationCertifiedExecutive'),
  ('Real Estate Negotiation Expert / RENE', 'RealEstateNegotiationExpert'),
  ('Residential Accredited Appraiser / RAA', 'ResidentialAccreditedAppraiser'),
  ('Resort & Second-Home Property Specialist / RSPS', 'ResortAndSecondHomePropertySpecialist'),
  ('Seller Representative Specialist / SRS', 'SellerRepresentativeSpecialist'),
  ('Seniors Real Estate Specialist / SRES', 'SeniorsRealEstateSpecialist'),
  ('Short Sales & Foreclosure Resource / SFR', 'ShortSalesAndForeclosureResource'),
  ('Society of Industrial and Office REALTORS / SIOR', 'SocietyOfIndustrialAndOfficeRealtors'),
  ('Transnational Referral Certification / TRC', 'TransnationalReferralCertification'),
  ('e-PRO', 'ePRO')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CoListAgentDesignation', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Accredited Buyer''s Representative / ABR', 'AccreditedBuyersRepresentative'),
  ('Accredited Land Consultant / ALC', 'AccreditedLandConsultant'),
  ('At Home With Diversity / AHWD', 'AtHomeWithDiversity'),
  ('Certified Commercial Investment Member / CCIM', 'CertifiedCommercialInvestmentMember'),
  ('Certified Distressed Property Expert / CDPE', 'CertifiedDistressedPropertyExpert'),
  ('Certified International Property Specialist / CIPS', 'CertifiedInternationalPropertySpecialist'),
  ('Certified Property Manager / CPM', 'CertifiedPropertyManager'),
  ('Certified Real Estate Brokerage Manager / CRB', 'CertifiedRealEstateBrokerageManager'),
  ('Certified Real Estate Team Specialist / C-RETS', 'CertifiedRealEstateTeamSpecialist'),
  ('Certified Residential Specialist / CRS', 'CertifiedResidentialSpecialist'),
  ('Counselor of Real Estate / CRE', 'CounselorOfRealEstate'),
  ('General Accredited Appraiser / GAA', 'GeneralAccreditedAppraiser'),
  ('Graduate, REALTOR Institute / GRI', 'GraduateRealtorInstitute'),
  ('Military Relocation Professional / MRP', 'MilitaryRelocationProfessional'),
  ('NAR''s Green Designation / GREEN', 'NARsGreenDesignation'),
  ('Performance Management Network / PMN', 'PerformanceManagementNetwork'),
  ('Pricing Strategy Advisor / PSA', 'PricingStrategyAdvisor'),
  ('REALTOR Association Certified Executive / RCE', 'RealtorAssociationCertifiedExecutive'),
  ('Real Estate Negotiation Expert / RENE', 'RealEstateNegotiationExpert'),
  ('Residential Accredited Appraiser / RAA', 'ResidentialAccreditedAppraiser'),
  ('Resort & Second-Home Property Specialist / RSPS', 'ResortAndSecondHomePropertySpecialist'),
  ('Seller Representative Specialist / SRS', 'SellerRepresentativeSpecialist'),
  ('Seniors Real Estate Specialist / SRES', 'SeniorsRealEstateSpecialist'),
  ('Short Sales & Foreclosure Resource / SFR', 'ShortSalesAndForeclosureResource'),
  ('Society of Industrial and Office REALTORS / SIOR', 'SocietyOfIndustrialAndOfficeRealtors'),
  ('Transnational Referral Certification / TRC', 'TransnationalReferralCertification'),
  ('e-PRO', 'ePRO')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CommonInterest', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Community Apartment', 'CommunityApartment'), ('Condominium', NULL), ('None', NULL),
  ('Planned Development', 'PlannedDevelopment'), ('Stock Cooperative', 'StockCooperative'),
  ('Timeshare', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CommonWalls', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('1 Common Wall', 'OneCommonWall'), ('2+ Common Walls', 'TwoOrMoreCommonWalls'),
  ('End Unit', 'EndUnit'), ('No Common Walls', 'NoCommonWalls'), ('No One Above', 'NoOneAbove'),
  ('No One Below', 'NoOneBelow')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CommunityFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Airport/Runway', 'AirportRunway'), ('Clubhouse', NULL), ('Curbs', NULL), ('Fishing', NULL),
  ('Fitness Center', 'FitnessCenter'), ('Gated', NULL), ('Golf', NULL), ('Lake', NULL),
  ('None', NULL), ('Other', NULL), ('Park', NULL), ('Pickleball', NULL), ('Playground', NULL),
  ('Pool', NULL), ('Racquetball', NULL), ('Restaurant', NULL), ('Sidewalks', NULL),
  ('Stable(s)', 'Stables'), ('Street Lights', 'StreetLights'), ('Suburban', NULL),
  ('Tennis Court(s)', 'TennisCourts')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CompensationType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('$', 'Dollars'), ('%', 'Percent'), ('Other', NULL), ('See Remarks', 'SeeRemarks')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Concessions', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Call Listing Agent', 'CallListingAgent'), ('No', NULL), ('Yes', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ConstructionMaterials', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Adobe', NULL), ('Aluminum Siding', 'AluminumSiding'), ('Asbestos', NULL), ('Asphalt', NULL),
  ('Attic/Crawl Hatchway(s) Insulated', 'AtticCrawlHatchwaysInsulated'),
  ('Batts Insulation', 'BattsInsulation'), ('Block', NULL),
  ('Blown-In Insulation', 'BlownInInsulation'),
  ('Board & Batten Siding', 'BoardAndBattenSiding'), ('Brick', NULL),
  ('Brick Veneer', 'BrickVeneer'), ('Cedar', NULL), ('Cement Siding', 'CementSiding'),
  ('Clapboard', NULL), ('Concrete', NULL),
  ('Ducts Professionally Air-Sealed', 'DuctsProfessionallyAirSealed'),
  ('Exterior Duct-Work is Insulated', 'ExteriorDuctWorkIsInsulated'),
  ('Fiber Cement', 'FiberCement'), ('Fiberglass Siding', 'FiberglassSiding'),
  ('Foam Insulation', 'FoamInsulation'), ('Frame', NULL), ('Glass', NULL),
  ('HardiPlank Type', 'HardiplankType'), ('ICAT Recessed Lighting', 'IcatRecessedLighting'),
  ('ICFs (Insulated Concrete Forms)', 'InsulatedConcreteForms'), ('Lap Siding', 'LapSiding'),
  ('Log', NULL), ('Log Siding', 'LogSiding'), ('Low VOC Insulation', 'LowVocInsulation'),
  ('Masonite', NULL), ('Metal Siding', 'MetalSiding'), ('Natural Building', 'NaturalBuilding'),
  ('Other', NULL), ('Plaster', NULL), ('Radiant Barrier', 'RadiantBarrier'),
  ('Rammed Earth', 'RammedEarth'),
  ('Recycled/Bio-Based Insulation', 'RecycledBioBasedInsulation'),
  ('Redwood Siding', 'RedwoodSiding'), ('See Remarks', 'SeeRemarks'),
  ('Shake Siding', 'ShakeSiding'), ('Shingle Siding', 'ShingleSiding'),
  ('Slump Block', 'SlumpBlock'), ('Spray Foam Insulation', 'SprayFoamInsulation'),
  ('Steel Frame', 'SteelFrame'), ('Steel Siding', 'SteelSiding'), ('Stone', NULL),
  ('Stone Veneer', 'StoneVeneer'), ('Straw', NULL), ('Stucco', NULL),
  ('Synthetic Stucco', 'SyntheticStucco'), ('Unknown', NULL),
  ('Vertical Siding', 'VerticalSiding'), ('Vinyl Siding', 'VinylSiding'),
  ('Wood Siding', 'WoodSiding')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ContactListingPreference', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Discard', NULL), ('Favorite', NULL), ('Possibility', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ContactStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Active', NULL), ('Deleted', NULL), ('Inactive', NULL), ('On Vacation', 'OnVacation')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ContactType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Business', NULL), ('Buyer', NULL), ('Buyer Attorney', 'BuyerAttorney'), ('Family', NULL),
  ('Financial Planner', 'FinancialPlanner'), ('Friend', NULL),
  ('Home Improvement Specialist', 'HomeImprovementSpecialist'),
  ('Home Inspector', 'HomeInspector'), ('Home Security Provider', 'HomeSecurityProvider'),
  ('Home Warranty Representative', 'HomeWarrantyRepresentative'),
  ('Insurance Representative', 'InsuranceRepresentative'), ('Landlord', NULL), ('Lead', NULL),
  ('Loan Officer', 'LoanOfficer'), ('Moving/Storage', 'MovingStorage'), ('Other', NULL),
  ('Prospect', NULL), ('Ready to Buy', 'ReadyToBuy'), ('Seller', NULL),
  ('Seller Attorney', 'SellerAttorney'), ('Tenant', NULL),
  ('Title Representative', 'TitleRepresentative')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Cooling', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Attic Fan', 'AtticFan'), ('Ceiling Fan(s)', 'CeilingFans'), ('Central Air', 'CentralAir'),
  ('Dual', NULL), ('Ductless', NULL),
  ('ENERGY STAR Qualified Equipment', 'EnergyStarQualifiedEquipment'), ('Electric', NULL),
  ('Evaporative Cooling', 'EvaporativeCooling'), ('Exhaust Fan', 'ExhaustFan'), ('Gas', NULL),
  ('Geothermal', NULL), ('Heat Pump', 'HeatPump'), ('Humidity Control', 'HumidityControl'),
  ('Multi Units', 'MultiUnits'), ('None', NULL), ('Other', NULL),
  ('Roof Turbine(s)', 'RoofTurbines'), ('Separate Meters', 'SeparateMeters'),
  ('Varies by Unit', 'VariesByUnit'), ('Wall Unit(s)', 'WallUnits'),
  ('Wall/Window Unit(s)', 'WallWindowUnits'), ('Whole House Fan', 'WholeHouseFan'),
  ('Window Unit(s)', 'WindowUnits'), ('Zoned', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Country', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('AD', NULL), ('AE', NULL), ('AF', NULL), ('AG', NULL), ('AI', NULL), ('AL', NULL),
  ('AM', NULL), ('AN', NULL), ('AO', NULL), ('AQ', NULL), ('AR', NULL), ('AS', NULL),
  ('AT', NULL), ('AU', NULL), ('AW', NULL), ('AX', NULL), ('AZ', NULL), ('BA', NULL),
  ('BB', NULL), ('BD', NULL), ('BE', NULL), ('BF', NULL), ('BG', NULL), ('BH', NULL),
  ('BI', NULL), ('BJ', NULL), ('BL', NULL), ('BM', NULL), ('BN', NULL), ('BO', NULL),
  ('BR', NULL), ('BS', NULL), ('BT', NULL), ('BV', NULL), ('BW', NULL), ('BY', NULL),
  ('BZ', NULL), ('CA', NULL), ('CC', NULL), ('CD', NULL), ('CF', NULL), ('CG', NULL),
  ('CH', NULL), ('CI', NULL), ('CK', NULL), ('CL', NULL), ('CM', NULL), ('CN', NULL),
  ('CO', NULL), ('CR', NULL), ('CU', NULL), ('CV', NULL), ('CX', NULL), ('CY', NULL),
  ('CZ', NULL), ('DE', NULL), ('DJ', NULL), ('DK', NULL), ('DM', NULL), ('DO', NULL),
  ('DZ', NULL), ('EC', NULL), ('EE', NULL), ('EG', NULL), ('EH', NULL), ('ER', NULL),
  ('ES', NULL), ('ET', NULL), ('FI', NULL), ('FJ', NULL), ('FK', NULL), ('FM', NULL),
  ('FO', NULL), ('FR', NULL), ('GA', NULL), ('GB', NULL), ('GD', NULL), ('GE', NULL),
  ('GF', NULL), ('GG', NULL), ('GH', NULL), ('GI', NULL), ('GL', NULL), ('GM', NULL),
  ('GN', NULL), ('GP', NULL), ('GQ', NULL), ('GR', NULL), ('GS', NULL), ('GT', NULL),
  ('GU', NULL), ('GW', NULL), ('GY', NULL), ('HK', NULL), ('HM', NULL), ('HN', NULL),
  ('HR', NULL), ('HT', NULL), ('HU', NULL), ('ID', NULL), ('IE', NULL), ('IL', NULL),
  ('IM', NULL), ('IN', NULL), ('IO', NULL), ('IQ', NULL), ('IR', NULL), ('IS', NULL),
  ('IT', NULL), ('JE', NULL), ('JM', NULL), ('JO', NULL), ('JP', NULL), ('KE', NULL),
  ('KG', NULL), ('KH', NULL), ('KI', NULL), ('KM', NULL), ('KN', NULL), ('KP', NULL),
  ('KR', NULL), ('KW', NULL), ('KY', NULL), ('KZ', NULL), ('LA', NULL), ('LB', NULL),
  ('LC', NULL), ('LI', NULL), ('LK', NULL), ('LR', NULL), ('LS', NULL), ('LT', NULL),
  ('LU', NULL), ('LV', NULL), ('LY', NULL), ('MA', NULL), ('MC', NULL), ('MD', NULL),
  ('ME', NULL), ('MF', NULL), ('MG', NULL), ('MH', NULL), ('MK', NULL), ('ML', NULL),
  ('MM', NULL), ('MN', NULL), ('MO', NULL), ('MP', NULL), ('MQ', NULL), ('MR', NULL),
  ('MS', NULL), ('MT', NULL), ('MU', NULL), ('MV', NULL), ('MW', NULL), ('MX', NULL),
  ('MY', NULL), ('MZ', NULL), ('NA', NULL), ('NC', NULL), ('NE', NULL), ('NF', NULL),
  ('NG', NULL), ('NI', NULL), ('NL', NULL), ('NP', NULL), ('NR', NULL), ('NU', NULL),
  ('NZ', NULL), ('OM', NULL), ('OT', NULL), ('PA', NULL), ('PE', NULL), ('PF', NULL),
  ('PG', NULL), ('PH', NULL), ('PK', NULL), ('PL', NULL), ('PM', NULL), ('PN', NULL),
  ('PR', NULL), ('PS', NULL), ('PT', NULL), ('PW', NULL), ('PY', NULL), ('QA', NULL),
  ('RE', NULL), ('RO', NULL), ('RS', NULL), ('RU', NULL), ('RW', NULL), ('SA', NULL),
  ('SB', NULL), ('SC', NULL), ('SD', NULL), ('SE', NULL), ('SG', NULL), ('SH', NULL),
  ('SI', NULL), ('SJ', NULL), ('SK', NULL), ('SL', NULL), ('SM', NULL), ('SN', NULL),
  ('SO', NULL), ('SR', NULL), ('ST', NULL), ('SV', NULL), ('SY', NULL), ('SZ', NULL),
  ('TC', NULL), ('TD', NULL), ('TF', NULL), ('TG', NULL), ('TH', NULL), ('TJ', NULL),
  ('TK', NULL), ('TL', NULL), ('TM', NULL), ('TN', NULL), ('TO', NULL), ('TR', NULL),
  ('TT', NULL), ('TV', NULL), ('TW', NULL), ('TZ', NULL), ('UA', NULL), ('UG', NULL),
  ('UM', NULL), ('US', NULL), ('UY', NULL), ('UZ', NULL), ('VA', NULL), ('VC', NULL),
  ('VE', NULL), ('VG', NULL), ('VI', NULL), ('VN', NULL), ('VU', NULL), ('WF', NULL),
  ('WS', NULL), ('YE', NULL), ('YT', NULL), ('ZA', NULL), ('ZM', NULL), ('ZW', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CurrentFinancing', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Assumable', NULL), ('Contract', NULL), ('Conventional', NULL), ('FHA', 'Fha'),
  ('FHA 203(b)', 'Fha203b'), ('FHA 203(k)', 'Fha203k'),
  ('Leased Renewables', 'LeasedRenewables'), ('None', NULL), ('Other', NULL),
  ('Power Purchase Agreement', 'PowerPurchaseAgreement'), ('Private', NULL),
  ('Property-Assessed Clean Energy', 'PropertyAssessedCleanEnergy'), ('Trust Deed', 'TrustDeed'),
  ('USDA', 'Usda'), ('VA', 'Va')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'CurrentOrPossibleUse', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agricultural', NULL), ('Automotive', NULL), ('Cattle', NULL), ('Commercial', NULL),
  ('Dairy', NULL), ('Development', NULL), ('Farm', NULL), ('Fishery', NULL), ('Grazing', NULL),
  ('Highway/Tourist Service', 'HighwayTouristService'), ('Horses', NULL), ('Hunting', NULL),
  ('Industrial', NULL), ('Investment', NULL), ('Livestock', NULL),
  ('Manufactured Home', 'ManufacturedHome'), ('Medical/Dental', 'MedicalDental'),
  ('Mini Storage', 'MiniStorage'), ('Mixed Use', 'MixedUse'), ('Multi-Family', 'MultiFamily'),
  ('Nursery', NULL), ('Office', NULL), ('Orchard', NULL), ('Other', NULL), ('Pasture', NULL),
  ('Place of Worship', 'PlaceOfWorship'), ('Plantable', NULL), ('Poultry', NULL),
  ('Ranch', NULL), ('Recreational', NULL), ('Residential', NULL), ('Retail', NULL),
  ('Row Crops', 'RowCrops'), ('See Remarks', 'SeeRemarks'), ('Single Family', 'SingleFamily'),
  ('Subdevelopment', NULL), ('Subdivision', NULL), ('Timber', NULL), ('Tree Farm', 'TreeFarm'),
  ('Unimproved', NULL), ('Vacant', NULL), ('Vineyard', NULL), ('Warehouse', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'DailySchedule', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Friday AM', 'FridayAm'), ('Friday PM', 'FridayPm'), ('Monday AM', 'MondayAm'),
  ('Monday PM', 'MondayPm'), ('None', NULL), ('Saturday AM', 'SaturdayAm'),
  ('Saturday PM', 'SaturdayPm'), ('Sunday AM', 'SundayAm'), ('Sunday PM', 'SundayPm'),
  ('Thursday AM', 'ThursdayAm'), ('Thursday PM', 'ThursdayPm'), ('Tuesday AM', 'TuesdayAm'),
  ('Tuesday PM', 'TuesdayPm'), ('Wednesday AM', 'WednesdayAm'), ('Wednesday PM', 'WednesdayPm')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'DevelopmentStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Completed', NULL), ('Finished Lot(s)', 'FinishedLots'), ('Other', NULL), ('Proposed', NULL),
  ('Raw Land', 'RawLand'), ('Rough Grade', 'RoughGrade'), ('See Remarks', 'SeeRemarks'),
  ('Site Plan Approved', 'SitePlanApproved'), ('Site Plan Filed', 'SitePlanFiled'),
  ('Under Construction', 'UnderConstruction')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'DeviceType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Desktop', NULL), ('Mobile', NULL), ('Tablet', NULL), ('Unknown', NULL), ('Wearable', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'DirectionFaces', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('East', NULL), ('North', NULL), ('Northeast', NULL), ('Northwest', NULL), ('South', NULL),
  ('Southeast', NULL), ('Southwest', NULL), ('West', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'DocumentStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Accepted', NULL), ('Archived', NULL), ('Changed', NULL), ('Countered', NULL),
  ('Deleted', NULL), ('Delivered', NULL), ('Finalized', NULL), ('In Escrow', 'InEscrow'),
  ('Missing', NULL), ('Optional', NULL), ('Published', NULL), ('Received', NULL),
  ('Rejected', NULL), ('Required', NULL), ('Signed', NULL), ('Submitted', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'DoorFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('ENERGY STAR Qualified Doors', 'EnergyStarQualifiedDoors'), ('French Doors', 'FrenchDoors'),
  ('Mirrored Closet Door(s)', 'MirroredClosetDoors'), ('Sliding Doors', 'SlidingDoors'),
  ('Storm Door(s)', 'StormDoors')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Electric', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('100 Amp Service', 'Amps100'), ('150 Amp Service', 'Amps150'),
  ('200+ Amp Service', 'Amps200OrMore'), ('220 Volts', 'Volts220'),
  ('220 Volts For Spa', 'Volts220ForSpa'), ('220 Volts in Garage', 'Volts220InGarage'),
  ('220 Volts in Kitchen', 'Volts220InKitchen'), ('220 Volts in Laundry', 'Volts220InLaundry'),
  ('220 Volts in Workshop', 'Volts220InWorkshop'), ('440 Volts', 'Volts440'),
  ('Circuit Breakers', 'CircuitBreakers'), ('Energy Storage Device', 'EnergyStorageDevice'),
  ('Fuses', NULL), ('Generator', NULL), ('Net Meter', 'NetMeter'),
  ('Pre-Wired for Renewables', 'PreWiredForRenewables'),
  ('Ready for Renewables', 'ReadyForRenewables'), ('Underground', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'EventSource', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('AI', NULL), ('GPS', 'Gps'), ('List', NULL), ('Map', NULL), ('Search Engine', 'SearchEngine'),
  ('Voice Assistant', 'VoiceAssistant')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'EventTarget', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agent', NULL), ('Broker', NULL), ('Digg', NULL), ('Email', NULL), ('Facebook', NULL),
  ('Facebook Messenger', 'FacebookMessenger'), ('Instagram', NULL), ('LinkedIn', 'Linkedin'),
  ('Microsoft Teams', 'MicrosoftTeams'), ('Pinterest', NULL), ('Reddit', NULL), ('SMS', 'Sms'),
  ('Slack', NULL), ('Snapchat', NULL), ('StumbleUpon', 'Stumbleupon'), ('TikTok', NULL),
  ('Tumblr', NULL), ('Twitter', NULL), ('WhatsApp', NULL), ('YouTube', 'Youtube'),
  ('iMessage', 'Imessage')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'EventType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Click to Primary Hosted Site', 'ClickToPrimaryHostedSite'),
  ('Clicked on Email Address', 'ClickedOnEmailAddress'),
  ('Clicked on Phone Number', 'ClickedOnPhoneNumber'), ('Comments', NULL),
  ('Detailed View', 'DetailedView'), ('Discard', NULL),
  ('Driving Directions', 'DrivingDirections'), ('Exit Detailed View', 'ExitDetailedView'),
  ('Favorited', NULL), ('Impression', NULL), ('Maybe', NULL),
  ('Object Modified', 'ObjectModified'), ('Photo Gallery', 'PhotoGallery'), ('Printed', NULL),
  ('Property Videos', 'PropertyVideos'), ('Scrolled Depth', 'ScrolledDepth'), ('Search', NULL),
  ('Share', NULL), ('Submission of Lead Form', 'SubmissionOfLeadForm'),
  ('Virtual Tour', 'VirtualTour')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ExistingLeaseType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Absolute Net', 'AbsoluteNet'), ('CPI Adjustment', 'CpiAdjustment'),
  ('Escalation Clause', 'EscalationClause'), ('Gross', NULL), ('Ground Lease', 'GroundLease'),
  ('NN', 'Nn'), ('NNN', 'Nnn'), ('Net', NULL), ('Oral', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ExteriorFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Awning(s)', 'Awnings'), ('Balcony', NULL), ('Barbecue', NULL),
  ('Basketball Court', 'BasketballCourt'), ('Boat Slip', 'BoatSlip'),
  ('Built-in Barbecue', 'BuiltInBarbecue'), ('Courtyard', NULL),
  ('Covered Courtyard', 'CoveredCourtyard'), ('Dock', NULL), ('Dog Run', 'DogRun'),
  ('Electric Grill', 'ElectricGrill'), ('Fire Pit', 'FirePit'), ('Garden', NULL),
  ('Gas Grill', 'GasGrill'), ('Gray Water System', 'GrayWaterSystem'), ('Kennel', NULL),
  ('Lighting', NULL), ('Misting System', 'MistingSystem'), ('None', NULL), ('Other', NULL),
  ('Outdoor Grill', 'OutdoorGrill'), ('Outdoor Kitchen', 'OutdoorKitchen'),
  ('Outdoor Shower', 'OutdoorShower'), ('Permeable Paving', 'PermeablePaving'),
  ('Playground', NULL), ('Private Entrance', 'PrivateEntrance'), ('Private Yard', 'PrivateYard'),
  ('RV Hookup', 'RvHookup'), ('Rain Barrel/Cistern(s)', 'RainBarrelCisterns'),
  ('Rain Gutters', 'RainGutters'), ('Smart Camera(s)/Recording', 'SmartCamerasRecording'),
  ('Smart Irrigation', 'SmartIrrigation'), ('Smart Light(s)', 'SmartLights'),
  ('Smart Lock(s)', 'SmartLocks'), ('Storage', NULL), ('Tennis Court(s)', 'TennisCourts'),
  ('Uncovered Courtyard', 'UncoveredCourtyard')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'FeeFrequency', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Annually', NULL), ('Bi-Monthly', 'BiMonthly'), ('Bi-Weekly', 'BiWeekly'), ('Daily', NULL),
  ('Monthly', NULL), ('One Time', 'OneTime'), ('Quarterly', NULL), ('Seasonal', NULL),
  ('Semi-Annually', 'SemiAnnually'), ('Semi-Monthly', 'SemiMonthly'), ('Weekly', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Fencing', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Back Yard', 'BackYard'), ('Barbed Wire', 'BarbedWire'), ('Block', NULL), ('Brick', NULL),
  ('Chain Link', 'ChainLink'), ('Cross Fenced', 'CrossFenced'), ('Electric', NULL),
  ('Fenced', NULL), ('Front Yard', 'FrontYard'), ('Full', NULL), ('Gate', NULL),
  ('Invisible', NULL), ('Masonry', NULL), ('None', NULL), ('Other', NULL), ('Partial', NULL),
  ('Partial Cross', 'PartialCross'), ('Perimeter', NULL), ('Pipe', NULL), ('Privacy', NULL),
  ('Security', NULL), ('See Remarks', 'SeeRemarks'), ('Slump Stone', 'SlumpStone'),
  ('Split Rail', 'SplitRail'), ('Stone', NULL), ('Vinyl', NULL), ('Wire', NULL), ('Wood', NULL),
  ('Wrought Iron', 'WroughtIron')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'FhaEligibility', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Approved', NULL), ('Conditionally Approved', 'ConditionallyApproved'), ('Rejected', NULL),
  ('Unknown', NULL), ('Withdrawn', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'FinancialDataSource', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Accountant', NULL), ('Owner', NULL), ('Property Manager', 'PropertyManager')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'FireplaceFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Basement', NULL), ('Bath', NULL), ('Bedroom', NULL), ('Blower Fan', 'BlowerFan'),
  ('Circulating', NULL), ('Decorative', NULL), ('Den', NULL), ('Dining Room', 'DiningRoom'),
  ('Double Sided', 'DoubleSided'), ('EPA Certified Wood Stove', 'EpaCertifiedWoodStove'),
  ('EPA Qualified Fireplace', 'EpaQualifiedFireplace'), ('Electric', NULL),
  ('Factory Built', 'FactoryBuilt'), ('Family Room', 'FamilyRoom'), ('Fire Pit', 'FirePit'),
  ('Free Standing', 'FreeStanding'), ('Gas', NULL), ('Gas Log', 'GasLog'),
  ('Gas Starter', 'GasStarter'), ('Glass Doors', 'GlassDoors'), ('Great Room', 'GreatRoom'),
  ('Heatilator', NULL), ('Insert', NULL), ('Kitchen', NULL), ('Library', NULL),
  ('Living Room', 'LivingRoom'), ('Masonry', NULL), ('Master Bedroom', 'MasterBedroom'),
  ('Metal', NULL), ('None', NULL), ('Other', NULL), ('Outside', NULL),
  ('Pellet Stove', 'PelletStove'), ('Propane', NULL), ('Raised Hearth', 'RaisedHearth'),
  ('Recreation Room', 'RecreationRoom'), ('Sealed Combustion', 'SealedCombustion'),
  ('See Remarks', 'SeeRemarks'), ('See Through', 'SeeThrough'), ('Stone', NULL),
  ('Ventless', NULL), ('Wood Burning', 'WoodBurning'),
  ('Wood Burning Stove', 'WoodBurningStove'), ('Zero Clearance', 'ZeroClearance')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Flooring', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Adobe', NULL), ('Bamboo', NULL), ('Brick', NULL),
  ('CRI Green Label Plus Certified Carpet', 'CriGreenLabelPlusCertifiedCarpet'),
  ('Carpet', NULL), ('Ceramic Tile', 'CeramicTile'), ('Clay', NULL), ('Combination', NULL),
  ('Concrete', NULL), ('Cork', NULL), ('Dirt', NULL),
  ('Engineered Hardwood', 'EngineeredHardwood'),
  ('FSC or SFI Certified Source Hardwood', 'FscOrSfiCertifiedSourceHardwood'),
  ('FloorScore(r) Certified Flooring', 'FloorScoreCertifiedFlooring'), ('Granite', NULL),
  ('Hardwood', NULL), ('Laminate', NULL), ('Linoleum', NULL), ('Luxury Vinyl', 'LuxuryVinyl'),
  ('Marble', NULL), ('None', NULL), ('Other', NULL), ('Painted/Stained', 'PaintedStained'),
  ('Parquet', NULL), ('Pavers', NULL), ('Plank', NULL), ('Reclaimed Wood', 'ReclaimedWood'),
  ('See Remarks', 'SeeRemarks'), ('Simulated Wood', 'SimulatedWood'), ('Slate', NULL),
  ('Softwood', NULL), ('Stamped', NULL), ('Stone', NULL), ('Sustainable', NULL),
  ('Terrazzo', NULL), ('Tile', NULL), ('Varies', NULL), ('Vinyl', NULL), ('Wood', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'FoundationDetails', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Block', NULL), ('Brick/Mortar', 'BrickMortar'), ('Combination', NULL),
  ('Concrete Perimeter', 'ConcretePerimeter'), ('None', NULL), ('Other', NULL),
  ('Permanent', NULL), ('Pillar/Post/Pier', 'PillarPostPier'), ('Raised', NULL),
  ('See Remarks', 'SeeRemarks'), ('Slab', NULL), ('Stone', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'FrontageType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Bay/Harbor', 'BayHarbor'), ('Golf Course', 'GolfCourse'),
  ('Lagoon/Estuary', 'LagoonEstuary'), ('Lakefront', NULL), ('Oceanfront', NULL),
  ('Other', NULL), ('River', NULL), ('See Remarks', 'SeeRemarks'), ('Waterfront', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Furnished', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Furnished', NULL), ('Negotiable', NULL), ('Partially', NULL), ('Unfurnished', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'GreenBuildingVerificationType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Certified Passive House', 'CertifiedPassiveHouse'),
  ('ENERGY STAR Certified Homes', 'EnergyStarCertifiedHomes'), ('EnerPHit', 'Enerphit'),
  ('HERS Index Score', 'HersIndexScore'), ('Home Energy Score', 'HomeEnergyScore'),
  ('Home Energy Upgrade Certificate of Energy Efficiency Improvements', 'HomeEnergyUpgradeCertificateOfEnergyEfficiencyImprovements'),
  ('Home Energy Upgrade Certificate of Energy Efficiency Performance', 'HomeEnergyUpgradeCertificateOfEnergyEfficiencyPerformance'),
  ('Home Performance with ENERGY STAR', 'HomePerformanceWithEnergyStar'),
  ('Indoor airPLUS', 'IndoorAirplus'), ('LEED For Homes', 'LeedForHomes'),
  ('Living Building Challenge', 'LivingBuildingChallenge'),
  ('NGBS New Construction', 'NgbsNewConstruction'),
  ('NGBS Small Projects Remodel', 'NgbsSmallProjectsRemodel'),
  ('NGBS Whole-Home Remodel', 'NgbsWholeHomeRemodel'), ('PHIUS+', 'PhiusPlus'),
  ('Pearl Certification', 'PearlCertification'), ('WaterSense', 'Watersense'),
  ('Zero Energy Ready Home', 'ZeroEnergyReadyHome')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'GreenEnergyEfficient', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Appliances', NULL), ('Construction', NULL), ('Doors', NULL),
  ('Exposure/Shade', 'ExposureShade'), ('HVAC', 'Hvac'), ('Incentives', NULL),
  ('Insulation', NULL), ('Lighting', NULL), ('Roof', NULL), ('Thermostat', NULL),
  ('Water Heater', 'WaterHeater'), ('Windows', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'GreenEnergyGeneration', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Solar', NULL), ('Wind', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'GreenIndoorAirQuality', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Contaminant Control', 'ContaminantControl'),
  ('Integrated Pest Management', 'IntegratedPestManagement'),
  ('Moisture Control', 'MoistureControl'), ('Ventilation', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'GreenSustainability', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Conserving Methods', 'ConservingMethods'),
  ('Onsite Recycling Center', 'OnsiteRecyclingCenter'),
  ('Recyclable Materials', 'RecyclableMaterials'), ('Recycled Materials', 'RecycledMaterials'),
  ('Regionally-Sourced Materials', 'RegionallySourcedMaterials'),
  ('Renewable Materials', 'RenewableMaterials'), ('Salvaged Materials', 'SalvagedMaterials')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'GreenVerificationSource', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Administrator', NULL), ('Assessor', NULL), ('Builder', NULL),
  ('Contractor or Installer', 'ContractorOrInstaller'), ('Other', NULL), ('Owner', NULL),
  ('Program Sponsor', 'ProgramSponsor'), ('Program Verifier', 'ProgramVerifier'),
  ('Public Records', 'PublicRecords'), ('See Remarks', 'SeeRemarks')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'GreenVerificationStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Complete', NULL), ('In Process', 'InProcess')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'GreenWaterConservation', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Efficient Hot Water Distribution', 'EfficientHotWaterDistribution'),
  ('Gray Water System', 'GrayWaterSystem'), ('Green Infrastructure', 'GreenInfrastructure'),
  ('Low-Flow Fixtures', 'LowFlowFixtures'), ('Water Recycling', 'WaterRecycling'),
  ('Water-Smart Landscaping', 'WaterSmartLandscaping')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Heating', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Active Solar', 'ActiveSolar'), ('Baseboard', NULL), ('Ceiling', NULL), ('Central', NULL),
  ('Coal', NULL), ('Coal Stove', 'CoalStove'), ('Ductless', NULL),
  ('ENERGY STAR Qualified Equipment', 'EnergyStarQualifiedEquipment'),
  ('ENERGY STAR/ACCA RSI Qualified Installation', 'EnergyStarAccaRsiQualifiedInstallation'),
  ('Electric', NULL), ('Exhaust Fan', 'ExhaustFan'), ('Fireplace Insert', 'FireplaceInsert'),
  ('Fireplace(s)', 'Fireplaces'), ('Floor Furnace', 'FloorFurnace'), ('Forced Air', 'ForcedAir'),
  ('Geothermal', NULL), ('Gravity', NULL), ('Heat Pump', 'HeatPump'), ('Hot Water', 'HotWater'),
  ('Humidity Control', 'HumidityControl'), ('Kerosene', NULL), ('Natural Gas', 'NaturalGas'),
  ('None', NULL), ('Oil', NULL), ('Other', NULL), ('Passive Solar', 'PassiveSolar'),
  ('Pellet Stove', 'PelletStove'), ('Propane', NULL), ('Propane Stove', 'PropaneStove'),
  ('Radiant', NULL), ('Radiant Ceiling', 'RadiantCeiling'), ('Radiant Floor', 'RadiantFloor'),
  ('See Remarks', 'SeeRemarks'), ('Separate Meters', 'SeparateMeters'), ('Solar', NULL),
  ('Space Heater', 'SpaceHeater'), ('Steam', NULL), ('Varies by Unit', 'VariesByUnit'),
  ('Wall Furnace', 'WallFurnace'), ('Wood', NULL), ('Wood Stove', 'WoodStove'), ('Zoned', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'HorseAmenities', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Arena', NULL), ('Barn', NULL), ('Boarding Facilities', 'BoardingFacilities'),
  ('Corral(s)', 'Corrals'), ('Hay Storage', 'HayStorage'), ('None', NULL), ('Other', NULL),
  ('Paddocks', NULL), ('Palpation Chute', 'PalpationChute'), ('Pasture', NULL),
  ('Riding Trail', 'RidingTrail'), ('Round Pen', 'RoundPen'), ('See Remarks', 'SeeRemarks'),
  ('Shaving Bin', 'ShavingBin'), ('Stable(s)', 'Stables'), ('Tack Room', 'TackRoom'),
  ('Trailer Storage', 'TrailerStorage'), ('Wash Rack', 'WashRack')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'HoursDaysOfOperation', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Evenings Only', 'EveningsOnly'), ('Open -8 Hours/Day', 'OpenLessThan8HoursDay'),
  ('Open 24 Hours', 'Open24Hours'), ('Open 7 Days', 'Open7Days'),
  ('Open 8 Hours/Day', 'Open8HoursDay'), ('Open 8+ Hours/Day', 'OpenOver8HoursDay'),
  ('Open Monday-Friday', 'OpenMondayFriday'), ('Open Saturday', 'OpenSaturday'),
  ('Open Sunday', 'OpenSunday')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'IanaTimeZoneValues', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Africa/Abidjan', 'AfricaAbidjan'), ('Africa/Accra', 'AfricaAccra'),
  ('Africa/Addis_Ababa', 'AfricaAddisAbaba'), ('Africa/Algiers', 'AfricaAlgiers'),
  ('Africa/Asmara', 'AfricaAsmara'), ('Africa/Asmera', 'AfricaAsmera'),
  ('Africa/Bamako', 'AfricaBamako'), ('Africa/Bangui', 'AfricaBangui'),
  ('Africa/Banjul', 'AfricaBanjul'), ('Africa/Bissau', 'AfricaBissau'),
  ('Africa/Blantyre', 'AfricaBlantyre'), ('Africa/Brazzaville', 'AfricaBrazzaville'),
  ('Africa/Bujumbura', 'AfricaBujumbura'), ('Africa/Cairo', 'AfricaCairo'),
  ('Africa/Casablanca', 'AfricaCasablanca'), ('Africa/Ceuta', 'AfricaCeuta'),
  ('Africa/Conakry', 'AfricaConakry'), ('Africa/Dakar', 'AfricaDakar'),
  ('Africa/Dar_es_Salaam', 'AfricaDarEsSalaam'), ('Africa/Djibouti', 'AfricaDjibouti'),
  ('Africa/Douala', 'AfricaDouala'), ('Africa/El_Aaiun', 'AfricaElAaiun'),
  ('Africa/Freetown', 'AfricaFreetown'), ('Africa/Gaborone', 'AfricaGaborone'),
  ('Africa/Harare', 'AfricaHarare'), ('Africa/Johannesburg', 'AfricaJohannesburg'),
  ('Africa/Juba', 'AfricaJuba'), ('Africa/Kampala', 'AfricaKampala'),
  ('Africa/Khartoum', 'AfricaKhartoum'), ('Africa/Kigali', 'AfricaKigali'),
  ('Africa/Kinshasa', 'AfricaKinshasa'), ('Africa/Lagos', 'AfricaLagos'),
  ('Africa/Libreville', 'AfricaLibreville'), ('Africa/Lome', 'AfricaLome'),
  ('Africa/Luanda', 'AfricaLuanda'), ('Africa/Lubumbashi', 'AfricaLubumbashi'),
  ('Africa/Lusaka', 'AfricaLusaka'), ('Africa/Malabo', 'AfricaMalabo'),
  ('Africa/Maputo', 'AfricaMaputo'), ('Africa/Maseru', 'AfricaMaseru'),
  ('Africa/Mbabane', 'AfricaMbabane'), ('Africa/Mogadishu', 'AfricaMogadishu'),
  ('Africa/Monrovia', 'AfricaMonrovia'), ('Africa/Nairobi', 'AfricaNairobi'),
  ('Africa/Ndjamena', 'AfricaNdjamena'), ('Africa/Niamey', 'AfricaNiamey'),
  ('Africa/Nouakchott', 'AfricaNouakchott'), ('Africa/Ouagadougou', 'AfricaOuagadougou'),
  ('Africa/Porto-Novo', 'AfricaPortoNovo'), ('Africa/Sao_Tome', 'AfricaSaoTome'),
  ('Africa/Timbuktu', 'AfricaTimbuktu'), ('Africa/Tripoli', 'AfricaTripoli'),
  ('Africa/Tunis', 'AfricaTunis'), ('Africa/Windhoek', 'AfricaWindhoek'),
  ('America/Adak', 'AmericaAdak'), ('America/Anchorage', 'AmericaAnchorage'),
  ('America/Anguilla', 'AmericaAnguilla'), ('America/Antigua', 'AmericaAntigua'),
  ('America/Araguaina', 'AmericaAraguaina'),
  ('America/Argentina/Buenos_Aires', 'AmericaArgentinaBuenosAires'),
  ('America/Argentina/Catamarca', 'AmericaArgentinaCatamarca'),
  ('America/Argentina/ComodRivadavia', 'AmericaArgentinaComodRivadavia'),
  ('America/Argentina/Cordoba', 'AmericaArgentinaCordoba'),
  ('America/Argentina/Jujuy', 'AmericaArgentinaJujuy'),
  ('America/Argentina/La_Rioja', 'AmericaArgentinaLaRioja'),
  ('America/Argentina/Mendoza', 'AmericaArgentinaMendoza'),
  ('America/Argentina/Rio_Gallegos', 'AmericaArgentinaRioGallegos'),
  ('America/Argentina/Salta', 'AmericaArgentinaSalta'),
  ('America/Argentina/San_Juan', 'AmericaArgentinaSanJuan'),
  ('America/Argentina/San_Luis', 'AmericaArgentinaSanLuis'),
  ('America/Argentina/Tucuman', 'AmericaArgentinaTucuman'),
  ('America/Argentina/Ushuaia', 'AmericaArgentinaUshuaia'), ('America/Aruba', 'AmericaAruba'),
  ('America/Asuncion', 'AmericaAsuncion'), ('America/Atikokan', 'AmericaAtikokan'),
  ('America/Atka', 'AmericaAtka'), ('America/Bahia', 'AmericaBahia'),
  ('America/Bahia_Banderas', 'AmericaBahiaBanderas'), ('America/Barbados', 'AmericaBarbados'),
  ('America/Belem', 'AmericaBelem'), ('America/Belize', 'AmericaBelize'),
  ('America/Blanc-Sablon', 'AmericaBlancSablon'), ('America/Boa_Vista', 'AmericaBoaVista'),
  ('America/Bogota', 'AmericaBogota'), ('America/Boise', 'AmericaBoise'),
  ('America/Buenos_Aires', 'AmericaBuenosAires'),
  ('America/Cambridge_Bay', 'AmericaCambridgeBay'),
  ('America/Campo_Grande', 'AmericaCampoGrande'), ('America/Cancun', 'AmericaCancun'),
  ('America/Caracas', 'AmericaCaracas'), ('America/Catamarca', 'AmericaCatamarca'),
  ('America/Cayenne', 'AmericaCayenne'), ('America/Cayman', 'AmericaCayman'),
  ('America/Chicago', 'AmericaChicago'), ('America/Chihuahua', 'AmericaChihuahua'),
  ('America/Ciudad_Juarez', 'AmericaCiudadJuarez'),
  ('America/Coral_Harbour', 'AmericaCoralHarbour'), ('America/Cordoba', 'AmericaCordoba'),
  ('America/Costa_Rica', 'AmericaCostaRica'), ('America/Coyhaique', 'AmericaCoyhaique'),
  ('America/Creston', 'AmericaCreston'), ('America/Cuiaba', 'AmericaCuiaba'),
  ('America/Curacao', 'AmericaCuracao'), ('America/Danmarkshavn', 'AmericaDanmarkshavn'),
  ('America/Dawson', 'AmericaDawson'), ('America/Dawson_Creek', 'AmericaDawsonCreek'),
  ('America/Denver', 'AmericaDenver'), ('America/Detroit', 'AmericaDetroit'),
  ('America/Dominica', 'AmericaDominica'), ('America/Edmonton', 'AmericaEdmonton'),
  ('America/Eirunepe', 'AmericaEirunepe'), ('America/El_Salvador', 'AmericaElSalvador'),
  ('America/Ensenada', 'AmericaEnsenada'), ('America/Fort_Nelson', 'AmericaFortNelson'),
  ('America/Fort_Wayne', 'AmericaFortWayne'), ('America/Fortaleza', 'AmericaFortaleza'),
  ('America/Glace_Bay', 'AmericaGlaceBay'), ('America/Godthab', 'AmericaGodthab'),
  ('America/Goose_Bay', 'AmericaGooseBay'), ('America/Grand_Turk', 'AmericaGrandTurk'),
  ('America/Grenada', 'AmericaGrenada'), ('America/Guadeloupe', 'AmericaGuadeloupe'),
  ('America/Guatemala', 'AmericaGuatemala'), ('America/Guayaquil', 'AmericaGuayaquil'),
  ('America/Guyana', 'AmericaGuyana'), ('America/Halifax', 'AmericaHalifax'),
  ('America/Havana', 'AmericaHavana'), ('America/Hermosillo', 'AmericaHermosillo'),
  ('America/Indiana/Indianapolis', 'AmericaIndianaIndianapolis'),
  ('America/Indiana/Knox', 'AmericaIndianaKnox'),
  ('America/Indiana/Marengo', 'AmericaIndianaMarengo'),
  ('America/Indiana/Petersburg', 'AmericaIndianaPetersburg'),
  ('America/Indiana/Tell_City', 'AmericaIndianaTellCity'),
  ('America/Indiana/Vevay', 'AmericaIndianaVevay'),
  ('America/Indiana/Vincennes', 'AmericaIndianaVincennes'),
  ('America/Indiana/Winamac', 'AmericaIndianaWinamac'),
  ('America/Indianapolis', 'AmericaIndianapolis'), ('America/Inuvik', 'AmericaInuvik'),
  ('America/Iqaluit', 'AmericaIqaluit'), ('America/Jamaica', 'AmericaJamaica'),
  ('America/Jujuy', 'AmericaJujuy'), ('America/Juneau', 'AmericaJuneau'),
  ('America/Kentucky/Louisville', 'AmericaKentuckyLouisville'),
  ('America/Kentucky/Monticello', 'AmericaKentuckyMonticello'),
  ('America/Knox_IN', 'AmericaKnoxIN'), ('America/Kralendijk', 'AmericaKralendijk'),
  ('America/La_Paz', 'AmericaLaPaz'), ('America/Lima', 'AmericaLima'),
  ('America/Los_Angeles', 'AmericaLosAngeles'), ('America/Louisville', 'AmericaLouisville'),
  ('America/Lower_Princes', 'AmericaLowerPrinces'), ('America/Maceio', 'AmericaMaceio'),
  ('America/Managua', 'AmericaManagua'), ('America/Manaus', 'AmericaManaus'),
  ('America/Marigot', 'AmericaMarigot'), ('America/Martinique', 'AmericaMartinique'),
  ('America/Matamoros', 'AmericaMatamoros'), ('America/Mazatlan', 'AmericaMazatlan'),
  ('America/Mendoza', 'AmericaMendoza'), ('America/Menominee', 'AmericaMenominee'),
  ('America/Merida', 'AmericaMerida'), ('America/Metlakatla', 'AmericaMetlakatla'),
  ('America/Mexico_City', 'AmericaMexicoCity'), ('America/Miquelon', 'AmericaMiquelon'),
  ('America/Moncton', 'AmericaMoncton'), ('America/Monterrey', 'AmericaMonterrey'),
  ('America/Montevideo', 'AmericaMontevideo'), ('America/Montreal', 'AmericaMontreal'),
  ('America/Montserrat', 'AmericaMontserrat'), ('America/Nassau', 'AmericaNassau'),
  ('America/New_York', 'AmericaNewYork'), ('America/Nipigon', 'AmericaNipigon'),
  ('America/Nome', 'AmericaNome'), ('America/Noronha', 'AmericaNoronha'),
  ('America/North_Dakota/Beulah', 'AmericaNorthDakotaBeulah'),
  ('America/North_Dakota/Center', 'AmericaNorthDakotaCenter'),
  ('America/North_Dakota/New_Salem', 'AmericaNorthDakotaNewSalem'),
  ('America/Nuuk', 'AmericaNuuk'), ('America/Ojinaga', 'AmericaOjinaga'),
  ('America/Panama', 'AmericaPanama'), ('America/Pangnirtung', 'AmericaPangnirtung'),
  ('America/Paramaribo', 'AmericaParamaribo'), ('America/Phoenix', 'AmericaPhoenix'),
  ('America/Port-au-Prince', 'AmericaPortAuPrince'),
  ('America/Port_of_Spain', 'AmericaPortOfSpain'), ('America/Porto_Acre', 'AmericaPortoAcre'),
  ('America/Porto_Velho', 'AmericaPortoVelho'), ('America/Puerto_Rico', 'AmericaPuertoRico'),
  ('America/Punta_Arenas', 'AmericaPuntaArenas'), ('America/Rainy_River', 'AmericaRainyRiver'),
  ('America/Rankin_Inlet', 'AmericaRankinInlet'), ('America/Recife', 'AmericaRecife'),
  ('America/Regina', 'AmericaRegina'), ('America/Resolute', 'AmericaResolute'),
  ('America/Rio_Branco', 'AmericaRioBranco'), ('America/Rosario', 'AmericaRosario'),
  ('America/Santa_Isabel', 'AmericaSantaIsabel'), ('America/Santarem', 'AmericaSantarem'),
  ('America/Santiago', 'AmericaSantiago'), ('America/Santo_Domingo', 'AmericaSantoDomingo'),
  ('America/Sao_Paulo', 'AmericaSaoPaulo'), ('America/Scoresbysund', 'AmericaScoresbysund'),
  ('America/Shiprock', 'AmericaShiprock'), ('America/Sitka', 'AmericaSitka'),
  ('America/St_Barthelemy', 'AmericaStBarthelemy'), ('America/St_Johns', 'AmericaStJohns'),
  ('America/St_Kitts', 'AmericaStKitts'), ('America/St_Lucia', 'AmericaStLucia'),
  ('America/St_Thomas', 'AmericaStThomas'), ('America/St_Vincent', 'AmericaStVincent'),
  ('America/Swift_Current', 'AmericaSwiftCurrent'),
  ('America/Tegucigalpa', 'AmericaTegucigalpa'), ('America/Thule', 'AmericaThule'),
  ('America/Thunder_Bay', 'AmericaThunderBay'), ('America/Tijuana', 'AmericaTijuana'),
  ('America/Toronto', 'AmericaToronto'), ('America/Tortola', 'AmericaTortola'),
  ('America/Vancouver', 'AmericaVancouver'), ('America/Virgin', 'AmericaVirgin'),
  ('America/Whitehorse', 'AmericaWhitehorse'), ('America/Winnipeg', 'AmericaWinnipeg'),
  ('America/Yakutat', 'AmericaYakutat'), ('America/Yellowknife', 'AmericaYellowknife'),
  ('Antarctica/Casey', 'AntarcticaCasey'), ('Antarctica/Davis', 'AntarcticaDavis'),
  ('Antarctica/DumontDUrville', 'AntarcticaDumontDUrville'),
  ('Antarctica/Macquarie', 'AntarcticaMacquarie'), ('Antarctica/Mawson', 'AntarcticaMawson'),
  ('Antarctica/McMurdo', 'AntarcticaMcMurdo'), ('Antarctica/Palmer', 'AntarcticaPalmer'),
  ('Antarctica/Rothera', 'AntarcticaRothera'), ('Antarctica/South_Pole', 'AntarcticaSouthPole'),
  ('Antarctica/Syowa', 'AntarcticaSyowa'), ('Antarctica/Troll', 'AntarcticaTroll'),
  ('Antarctica/Vostok', 'AntarcticaVostok'), ('Arctic/Longyearbyen', 'ArcticLongyearbyen'),
  ('Asia/Aden', 'AsiaAden'), ('Asia/Almaty', 'AsiaAlmaty'), ('Asia/Amman', 'AsiaAmman'),
  ('Asia/Anadyr', 'AsiaAnadyr'), ('Asia/Aqtau', 'AsiaAqtau'), ('Asia/Aqtobe', 'AsiaAqtobe'),
  ('Asia/Ashgabat', 'AsiaAshgabat'), ('Asia/Ashkhabad', 'AsiaAshkhabad'),
  ('Asia/Atyrau', 'AsiaAtyrau'), ('Asia/Baghdad', 'AsiaBaghdad'),
  ('Asia/Bahrain', 'AsiaBahrain'), ('Asia/Baku', 'AsiaBaku'), ('Asia/Bangkok', 'AsiaBangkok'),
  ('Asia/Barnaul', 'AsiaBarnaul'), ('Asia/Beirut', 'AsiaBeirut'),
  ('Asia/Bishkek', 'AsiaBishkek'), ('Asia/Brunei', 'AsiaBrunei'),
  ('Asia/Calcutta', 'AsiaCalcutta'), ('Asia/Chita', 'AsiaChita'),
  ('Asia/Choibalsan', 'AsiaChoibalsan'), ('Asia/Chongqing', 'AsiaChongqing'),
  ('Asia/Chungking', 'AsiaChungking'), ('Asia/Colombo', 'AsiaColombo'),
  ('Asia/Dacca', 'AsiaDacca'), ('Asia/Damascus', 'AsiaDamascus'), ('Asia/Dhaka', 'AsiaDhaka'),
  ('Asia/Dili', 'AsiaDili'), ('Asia/Dubai', 'AsiaDubai'), ('Asia/Dushanbe', 'AsiaDushanbe'),
  ('Asia/Famagusta', 'AsiaFamagusta'), ('Asia/Gaza', 'AsiaGaza'), ('Asia/Harbin', 'AsiaHarbin'),
  ('Asia/Hebron', 'AsiaHebron'), ('Asia/Ho_Chi_Minh', 'AsiaHoChiMinh'),
  ('Asia/Hong_Kong', 'AsiaHongKong'), ('Asia/Hovd', 'AsiaHovd'), ('Asia/Irkutsk', 'AsiaIrkutsk'),
  ('Asia/Istanbul', 'AsiaIstanbul'), ('Asia/Jakarta', 'AsiaJakarta'),
  ('Asia/Jayapura', 'AsiaJayapura'), ('Asia/Jerusalem', 'AsiaJerusalem'),
  ('Asia/Kabul', 'AsiaKabul'), ('Asia/Kamchatka', 'AsiaKamchatka'),
  ('Asia/Karachi', 'AsiaKarachi'), ('Asia/Kashgar', 'AsiaKashgar'),
  ('Asia/Kathmandu', 'AsiaKathmandu'), ('Asia/Katmandu', 'AsiaKatmandu'),
  ('Asia/Khandyga', 'AsiaKhandyga'), ('Asia/Kolkata', 'AsiaKolkata'),
  ('Asia/Krasnoyarsk', 'AsiaKrasnoyarsk'), ('Asia/Kuala_Lumpur', 'AsiaKualaLumpur'),
  ('Asia/Kuching', 'AsiaKuching'), ('Asia/Kuwait', 'AsiaKuwait'), ('Asia/Macao', 'AsiaMacao'),
  ('Asia/Macau', 'AsiaMacau'), ('Asia/Magadan', 'AsiaMagadan'),
  ('Asia/Makassar', 'AsiaMakassar'), ('Asia/Manila', 'AsiaManila'),
  ('Asia/Muscat', 'AsiaMuscat'), ('Asia/Nicosia', 'AsiaNicosia'),
  ('Asia/Novokuznetsk', 'AsiaNovokuznetsk'), ('Asia/Novosibirsk', 'AsiaNovosibirsk'),
  ('Asia/Omsk', 'AsiaOmsk'), ('Asia/Oral', 'AsiaOral'), ('Asia/Phnom_Penh', 'AsiaPhnomPenh'),
  ('Asia/Pontianak', 'AsiaPontianak'), ('Asia/Pyongyang', 'AsiaPyongyang'),
  ('Asia/Qatar', 'AsiaQatar'), ('Asia/Qostanay', 'AsiaQostanay'),
  ('Asia/Qyzylorda', 'AsiaQyzylorda'), ('Asia/Rangoon', 'AsiaRangoon'),
  ('Asia/Riyadh', 'AsiaRiyadh'), ('Asia/Saigon', 'AsiaSaigon'),
  ('Asia/Sakhalin', 'AsiaSakhalin'), ('Asia/Samarkand', 'AsiaSamarkand'),
  ('Asia/Seoul', 'AsiaSeoul'), ('Asia/Shanghai', 'AsiaShanghai'),
  ('Asia/Singapore', 'AsiaSingapore'), ('Asia/Srednekolymsk', 'AsiaSrednekolymsk'),
  ('Asia/Taipei', 'AsiaTaipei'), ('Asia/Tashkent', 'AsiaTashkent'),
  ('Asia/Tbilisi', 'AsiaTbilisi'), ('Asia/Tehran', 'AsiaTehran'),
  ('Asia/Tel_Aviv', 'AsiaTelAviv'), ('Asia/Thimbu', 'AsiaThimbu'),
  ('Asia/Thimphu', 'AsiaThimphu'), ('Asia/Tokyo', 'AsiaTokyo'), ('Asia/Tomsk', 'AsiaTomsk'),
  ('Asia/Ujung_Pandang', 'AsiaUjungPandang'), ('Asia/Ulaanbaatar', 'AsiaUlaanbaatar'),
  ('Asia/Ulan_Bator', 'AsiaUlanBator'), ('Asia/Urumqi', 'AsiaUrumqi'),
  ('Asia/Ust-Nera', 'AsiaUstNera'), ('Asia/Vientiane', 'AsiaVientiane'),
  ('Asia/Vladivostok', 'AsiaVladivostok'), ('Asia/Yakutsk', 'AsiaYakutsk'),
  ('Asia/Yangon', 'AsiaYangon'), ('Asia/Yekaterinburg', 'AsiaYekaterinburg'),
  ('Asia/Yerevan', 'AsiaYerevan'), ('Atlantic/Azores', 'AtlanticAzores'),
  ('Atlantic/Bermuda', 'AtlanticBermuda'), ('Atlantic/Canary', 'AtlanticCanary'),
  ('Atlantic/Cape_Verde', 'AtlanticCapeVerde'), ('Atlantic/Faeroe', 'AtlanticFaeroe'),
  ('Atlantic/Faroe', 'AtlanticFaroe'), ('Atlantic/Jan_Mayen', 'AtlanticJanMayen'),
  ('Atlantic/Madeira', 'AtlanticMadeira'), ('Atlantic/Reykjavik', 'AtlanticReykjavik'),
  ('Atlantic/South_Georgia', 'AtlanticSouthGeorgia'), ('Atlantic/St_Helena', 'AtlanticStHelena'),
  ('Atlantic/Stanley', 'AtlanticStanley'), ('Australia/ACT', 'AustraliaACT'),
  ('Australia/Adelaide', 'AustraliaAdelaide'), ('Australia/Brisbane', 'AustraliaBrisbane'),
  ('Australia/Broken_Hill', 'AustraliaBrokenHill'), ('Australia/Canberra', 'AustraliaCanberra'),
  ('Australia/Currie', 'AustraliaCurrie'), ('Australia/Darwin', 'AustraliaDarwin'),
  ('Australia/Eucla', 'AustraliaEucla'), ('Australia/Hobart', 'AustraliaHobart'),
  ('Australia/LHI', 'AustraliaLhi'), ('Australia/Lindeman', 'AustraliaLindeman'),
  ('Australia/Lord_Howe', 'AustraliaLordHowe'), ('Australia/Melbourne', 'AustraliaMelbourne'),
  ('Australia/NSW', 'AustraliaNsw'), ('Australia/North', 'AustraliaNorth'),
  ('Australia/Perth', 'AustraliaPerth'), ('Australia/Queensland', 'AustraliaQueensland'),
  ('Australia/South', 'AustraliaSouth'), ('Australia/Sydney', 'AustraliaSydney'),
  ('Australia/Tasmania', 'AustraliaTasmania'), ('Australia/Victoria', 'AustraliaVictoria'),
  ('Australia/West', 'AustraliaWest'), ('Australia/Yancowinna', 'AustraliaYancowinna'),
  ('Brazil/Acre', 'BrazilAcre'), ('Brazil/DeNoronha', 'BrazilDeNoronha'),
  ('Brazil/East', 'BrazilEast'), ('Brazil/West', 'BrazilWest'),
  ('Canada/Atlantic', 'CanadaAtlantic'), ('Canada/Central', 'CanadaCentral'),
  ('Canada/Eastern', 'CanadaEastern'), ('Canada/Mountain', 'CanadaMountain'),
  ('Canada/Newfoundland', 'CanadaNewfoundland'), ('Canada/Pacific', 'CanadaPacific'),
  ('Canada/Saskatchewan', 'CanadaSaskatchewan'), ('Canada/Yukon', 'CanadaYukon'),
  ('ETC/UTC', 'EtcUtc'), ('Etc/GMT', 'EtcGmt'), ('Etc/GMT+1', 'EtcGmtPlus1'),
  ('Etc/GMT+10', 'EtcGmtPlus10'), ('Etc/GMT+11', 'EtcGmtPlus11'), ('Etc/GMT+12', 'EtcGmtPlus12'),
  ('Etc/GMT+2', 'EtcGmtPlus2'), ('Etc/GMT+3', 'EtcGmtPlus3'), ('Etc/GMT+4', 'EtcGmtPlus4'),
  ('Etc/GMT+5', 'EtcGmtPlus5'), ('Etc/GMT+6', 'EtcGmtPlus6'), ('Etc/GMT+7', 'EtcGmtPlus7'),
  ('Etc/GMT+8', 'EtcGmtPlus8'), ('Etc/GMT+9', 'EtcGmtPlus9'), ('Etc/GMT-1', 'EtcGmtMinus1'),
  ('Etc/GMT-10', 'EtcGmtMinus10'), ('Etc/GMT-11', 'EtcGmtMinus11'),
  ('Etc/GMT-12', 'EtcGmtMinus12'), ('Etc/GMT-13', 'EtcGmtMinus13'),
  ('Etc/GMT-14', 'EtcGmtMinus14'), ('Etc/GMT-2', 'EtcGmtMinus2'), ('Etc/GMT-3', 'EtcGmtMinus3'),
  ('Etc/GMT-4', 'EtcGmtMinus4'), ('Etc/GMT-5', 'EtcGmtMinus5'), ('Etc/GMT-6', 'EtcGmtMinus6'),
  ('Etc/GMT-7', 'EtcGmtMinus7'), ('Etc/GMT-8', 'EtcGmtMinus8'), ('Etc/GMT-9', 'EtcGmtMinus9'),
  ('Europe/Andorra', 'EuropeAndorra'), ('Europe/Astrakhan', 'EuropeAstrakhan'),
  ('Europe/Athens', 'EuropeAthens'), ('Europe/Belgrade', 'EuropeBelgrade'),
  ('Europe/Berlin', 'EuropeBerlin'), ('Europe/Brussels', 'EuropeBrussels'),
  ('Europe/Bucharest', 'EuropeBucharest'), ('Europe/Budapest', 'EuropeBudapest'),
  ('Europe/Chisinau', 'EuropeChisinau'), ('Europe/Dublin', 'EuropeDublin'),
  ('Europe/Gibraltar', 'EuropeGibraltar'), ('Europe/Helsinki', 'EuropeHelsinki'),
  ('Europe/Istanbul', 'EuropeIstanbul'), ('Europe/Kaliningrad', 'EuropeKaliningrad'),
  ('Europe/Kirov', 'EuropeKirov'), ('Europe/Kyiv', 'EuropeKyiv'),
  ('Europe/Lisbon', 'EuropeLisbon'), ('Europe/London', 'EuropeLondon'),
  ('Europe/Madrid', 'EuropeMadrid'), ('Europe/Malta', 'EuropeMalta'),
  ('Europe/Minsk', 'EuropeMinsk'), ('Europe/Moscow', 'EuropeMoscow'),
  ('Europe/Paris', 'EuropeParis'), ('Europe/Prague', 'EuropePrague'),
  ('Europe/Riga', 'EuropeRiga'), ('Europe/Rome', 'EuropeRome'),
  ('Europe/Samara', 'EuropeSamara'), ('Europe/Saratov', 'EuropeSaratov'),
  ('Europe/Simferopol', 'EuropeSimferopol'), ('Europe/Sofia', 'EuropeSofia'),
  ('Europe/Tallinn', 'EuropeTallinn'), ('Europe/Tirane', 'EuropeTirane'),
  ('Europe/Ulyanovsk', 'EuropeUlyanovsk'), ('Europe/Vienna', 'EuropeVienna'),
  ('Europe/Vilnius', 'EuropeVilnius'), ('Europe/Volgograd', 'EuropeVolgograd'),
  ('Europe/Warsaw', 'EuropeWarsaw'), ('Europe/Zurich', 'EuropeZurich'), ('Factory', NULL),
  ('Indian/Chagos', 'IndianChagos'), ('Indian/Maldives', 'IndianMaldives'),
  ('Indian/Mauritius', 'IndianMauritius'), ('Pacific/Apia', 'PacificApia'),
  ('Pacific/Auckland', 'PacificAuckland'), ('Pacific/Bougainville', 'PacificBougainville'),
  ('Pacific/Chatham', 'PacificChatham'), ('Pacific/Easter', 'PacificEaster'),
  ('Pacific/Efate', 'PacificEfate'), ('Pacific/Fakaofo', 'PacificFakaofo'),
  ('Pacific/Fiji', 'PacificFiji'), ('Pacific/Galapagos', 'PacificGalapagos'),
  ('Pacific/Gambier', 'PacificGambier'), ('Pacific/Guadalcanal', 'PacificGuadalcanal'),
  ('Pacific/Guam', 'PacificGuam'), ('Pacific/Honolulu', 'PacificHonolulu'),
  ('Pacific/Kanton', 'PacificKanton'), ('Pacific/Kiritimati', 'PacificKiritimati'),
  ('Pacific/Kosrae', 'PacificKosrae'), ('Pacific/Kwajalein', 'PacificKwajalein'),
  ('Pacific/Marquesas', 'PacificMarquesas'), ('Pacific/Nauru', 'PacificNauru'),
  ('Pacific/Niue', 'PacificNiue'), ('Pacific/Norfolk', 'PacificNorfolk'),
  ('Pacific/Noumea', 'PacificNoumea'), ('Pacific/Pago_Pago', 'PacificPagoPago'),
  ('Pacific/Palau', 'PacificPalau'), ('Pacific/Pitcairn', 'PacificPitcairn'),
  ('Pacific/Port_Moresby', 'PacificPortMoresby'), ('Pacific/Rarotonga', 'PacificRarotonga'),
  ('Pacific/Tahiti', 'PacificTahiti'), ('Pacific/Tarawa', 'PacificTarawa'),
  ('Pacific/Tongatapu', 'PacificTongatapu')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ImageOf', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Aerial View', 'AerialView'), ('Atrium', NULL), ('Attic', NULL),
  ('Back of Structure', 'BackOfStructure'), ('Balcony', NULL), ('Bar', NULL), ('Barn', NULL),
  ('Basement', NULL), ('Basketball Court', 'BasketballCourt'), ('Bathroom', NULL),
  ('Bedroom', NULL), ('Bonus Room', 'BonusRoom'), ('Breakfast Area', 'BreakfastArea'),
  ('Closet', NULL), ('Community', NULL), ('Courtyard', NULL), ('Deck', NULL), ('Den', NULL),
  ('Dining Area', 'DiningArea'), ('Dining Room', 'DiningRoom'), ('Dock', NULL),
  ('Entrance Foyer', 'EntranceFoyer'), ('Entry', NULL), ('Exercise Room', 'ExerciseRoom'),
  ('Family Room', 'FamilyRoom'), ('Fence', NULL), ('Fireplace', NULL),
  ('Floor Plan', 'FloorPlan'), ('Front of Structure', 'FrontOfStructure'),
  ('Game Room', 'GameRoom'), ('Garage', NULL), ('Garden', NULL), ('Golf Course', 'GolfCourse'),
  ('Great Room', 'GreatRoom'), ('Guest Quarters', 'GuestQuarters'), ('Gym', NULL),
  ('Hallway', NULL), ('Hobby Room', 'HobbyRoom'), ('Inlaw', NULL), ('Kitchen', NULL),
  ('Lake', NULL), ('Laundry', NULL), ('Library', NULL), ('Living Room', 'LivingRoom'),
  ('Loading Dock', 'LoadingDock'), ('Lobby', NULL), ('Loft', NULL), ('Lot', NULL), ('Map', NULL),
  ('Master Bathroom', 'MasterBathroom'), ('Master Bedroom', 'MasterBedroom'),
  ('Media Room', 'MediaRoom'), ('Mud Room', 'MudRoom'), ('Nursery', NULL), ('Office', NULL),
  ('Other', NULL), ('Out Buildings', 'OutBuildings'), ('Pantry', NULL), ('Parking', NULL),
  ('Patio', NULL), ('Pier', NULL), ('Plat Map', 'PlatMap'), ('Playground', NULL), ('Pond', NULL),
  ('Pool', NULL), ('Reception', NULL), ('Recreation Room', 'RecreationRoom'), ('Sauna', NULL),
  ('Showroom', NULL), ('Side of Structure', 'SideOfStructure'), ('Sitting Room', 'SittingRoom'),
  ('Spa', NULL), ('Stable', NULL), ('Stairs', NULL), ('Storage', NULL), ('Studio', NULL),
  ('Study', NULL), ('Sun Room', 'SunRoom'), ('Tennis Court', 'TennisCourt'),
  ('Utility Room', 'UtilityRoom'), ('View', NULL), ('Walk-In Closet(s)', 'WalkInClosets'),
  ('Waterfront', NULL), ('Wine Cellar', 'WineCellar'), ('Workshop', NULL), ('Yard', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'IncomeIncludes', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Laundry', NULL), ('Parking', NULL), ('RV Storage', 'RvStorage'), ('Recreation', NULL),
  ('Rent Only', 'RentOnly'), ('Storage', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'InteriorOrRoomFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Bar', NULL), ('Beamed Ceilings', 'BeamedCeilings'), ('Bidet', NULL), ('Bookcases', NULL),
  ('Breakfast Bar', 'BreakfastBar'), ('Built-in Features', 'BuiltInFeatures'),
  ('Cathedral Ceiling(s)', 'CathedralCeilings'), ('Cedar Closet(s)', 'CedarClosets'),
  ('Ceiling Fan(s)', 'CeilingFans'), ('Central Vacuum', 'CentralVacuum'), ('Chandelier', NULL),
  ('Coffered Ceiling(s)', 'CofferedCeilings'), ('Crown Molding', 'CrownMolding'),
  ('Double Vanity', 'DoubleVanity'), ('Dry Bar', 'DryBar'), ('Dumbwaiter', NULL),
  ('Eat-in Kitchen', 'EatInKitchen'), ('Elevator', NULL), ('Entrance Foyer', 'EntranceFoyer'),
  ('Granite Counters', 'GraniteCounters'), ('High Ceilings', 'HighCeilings'),
  ('High Speed Internet', 'HighSpeedInternet'), ('His and Hers Closets', 'HisAndHersClosets'),
  ('In-Law Floorplan', 'InLawFloorplan'), ('Kitchen Island', 'KitchenIsland'),
  ('Laminate Counters', 'LaminateCounters'),
  ('Low Flow Plumbing Fixtures', 'LowFlowPlumbingFixtures'),
  ('Master Downstairs', 'MasterDownstairs'), ('Natural Woodwork', 'NaturalWoodwork'),
  ('Open Floorplan', 'OpenFloorplan'), ('Other', NULL), ('Pantry', NULL),
  ('Recessed Lighting', 'RecessedLighting'), ('Sauna', NULL), ('See Remarks', 'SeeRemarks'),
  ('Smart Camera(s)/Recording', 'SmartCamerasRecording'), ('Smart Home', 'SmartHome'),
  ('Smart Light(s)', 'SmartLights'), ('Smart Thermostat', 'SmartThermostat'),
  ('Soaking Tub', 'SoakingTub'), ('Solar Tube(s)', 'SolarTubes'),
  ('Sound System', 'SoundSystem'), ('Stone Counters', 'StoneCounters'), ('Storage', NULL),
  ('Tile Counters', 'TileCounters'), ('Track Lighting', 'TrackLighting'),
  ('Tray Ceiling(s)', 'TrayCeilings'), ('Vaulted Ceiling(s)', 'VaultedCeilings'),
  ('Walk-In Closet(s)', 'WalkInClosets'), ('WaterSense Fixture(s)', 'WaterSenseFixtures'),
  ('Wet Bar', 'WetBar'), ('Wired for Data', 'WiredForData'),
  ('Wired for Sound', 'WiredForSound')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'LaborInformation', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Employee License Required', 'EmployeeLicenseRequired'), ('Non-Union', 'NonUnion'),
  ('Union', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Languages', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Abkhazian', NULL), ('Afar', NULL), ('Afrikaans', NULL), ('Albanian', NULL),
  ('American Sign Language', 'AmericanSignLanguage'), ('Amharic', NULL), ('Arabic', NULL),
  ('Aramaic', NULL), ('Armenian', NULL), ('Assamese', NULL),
  ('Assyrian Neo-Aramaic', 'AssyrianNeoAramaic'), ('Avestan', NULL), ('Aymara', NULL),
  ('Azerbaijani', NULL), ('Bambara', NULL), ('Bashkir', NULL), ('Basque', NULL),
  ('Bengali', NULL), ('Bihari', NULL), ('Bikol', NULL), ('Bislama', NULL), ('Bosnian', NULL),
  ('Brazilian Portuguese', 'BrazilianPortuguese'), ('Bulgarian', NULL), ('Burmese', NULL),
  ('Byelorussian', NULL), ('Cambodian', NULL), ('Cantonese', NULL),
  ('Cape Verdean Creole', 'CapeVerdeanCreole'), ('Catalan', NULL), ('Cebuano', NULL),
  ('Chamorro', NULL), ('Chechen', NULL), ('Chinese', NULL), ('Chuukese', NULL),
  ('Chuvash', NULL), ('Cornish', NULL), ('Corsican', NULL), ('Croatian', NULL), ('Czech', NULL),
  ('Danish', NULL), ('Dari (Afghan Persian)', 'Dari'), ('Dioula', NULL), ('Dutch', NULL),
  ('Dzongkha', NULL), ('English', NULL), ('Esperanto', NULL), ('Estonian', NULL),
  ('Faroese', NULL), ('Farsi', NULL), ('Fiji', NULL), ('Finnish', NULL), ('Flemish', NULL),
  ('French', NULL), ('Frisian', NULL), ('Galician', NULL), ('Georgian', NULL), ('German', NULL),
  ('Greek', NULL), ('Greenlandic', NULL), ('Guarani', NULL), ('Gujarati', NULL),
  ('Haitian Creole', 'HaitianCreole'), ('Hausa', NULL), ('Hebrew', NULL), ('Herero', NULL),
  ('Hiligaynon', NULL), ('Hindi', NULL), ('Hiri Motu', 'HiriMotu'), ('Hmong', NULL),
  ('Hungarian', NULL), ('Iban', NULL), ('Icelandic', NULL), ('Igbo', NULL), ('Ilocano', NULL),
  ('Indonesian', NULL), ('Interlingua', NULL), ('Inuktitut', NULL), ('Inupiak', NULL),
  ('Irish (Gaelic)', 'Irish'), ('Italian', NULL), ('Japanese', NULL), ('Javanese', NULL),
  ('K''iche''', 'KIche'), ('Kannada', NULL), ('Kashmiri', NULL), ('Kazakh', NULL),
  ('Kichwa', NULL), ('Kikuyu', NULL), ('Kinyarwanda', NULL), ('Kirghiz', NULL),
  ('Kirundi', NULL), ('Komi', NULL), ('Korean', NULL), ('Kpelle', NULL), ('Kru', NULL),
  ('Kurdish', NULL), ('Lao', NULL), ('Latin', NULL), ('Latvian', NULL), ('Lingala', NULL),
  ('Lithuanian', NULL), ('Luxemburgish', NULL), ('Macedonian', NULL), ('Malagasy', NULL),
  ('Malay', NULL), ('Malayalam', NULL), ('Maltese', NULL), ('Mandarin', NULL), ('Maninka', NULL),
  ('Manx Gaelic', 'ManxGaelic'), ('Maori', NULL), ('Marathi', NULL), ('Marshallese', NULL),
  ('Moldovan', NULL), ('Mongolian', NULL), ('Nauru', NULL), ('Navajo', NULL), ('Ndebele', NULL),
  ('Ndonga', NULL), ('Nepali', NULL), ('Norwegian', NULL),
  ('Norwegian (Nynorsk)', 'NorwegianNynorsk'), ('Nyanja', NULL), ('Occitan', NULL),
  ('Oriya', NULL), ('Oromo', NULL), ('Ossetian', NULL), ('Pali', NULL), ('Pangasinan', NULL),
  ('Papiamento', NULL), ('Pashto', NULL), ('Polish', NULL), ('Portuguese', NULL),
  ('Punjabi', NULL), ('Quechua', NULL), ('Romanian', NULL), ('Romany', NULL), ('Russian', NULL),
  ('Sami', NULL), ('Samoan', NULL), ('Sangho', NULL), ('Sanskrit', NULL), ('Sardinian', NULL),
  ('Scots Gaelic', 'ScotsGaelic'), ('Serbian', NULL), ('Serbo-Croatian', 'SerboCroatian'),
  ('Sesotho', NULL), ('Setswana', NULL), ('Shan', NULL), ('Shona', NULL), ('Sindhi', NULL),
  ('Sinhalese', NULL), ('Siswati', NULL), ('Slovak', NULL), ('Slovenian', NULL),
  ('Somali', NULL), ('Southern Ndebele', 'SouthernNdebele'), ('Spanish', NULL),
  ('Sundanese', NULL), ('Swahili', NULL), ('Swedish', NULL), ('Syriac', NULL), ('Tagalog', NULL),
  ('Tahitian', NULL), ('Tajik', NULL), ('Tamil', NULL), ('Tatar', NULL), ('Telugu', NULL),
  ('Thai', NULL), ('Tibetan', NULL), ('Tigrinya', NULL), ('Tongan', NULL), ('Tsonga', NULL),
  ('Turkish', NULL), ('Turkmen', NULL), ('Twi', NULL), ('Uigur', NULL), ('Ukrainian', NULL),
  ('Urdu', NULL), ('Uzbek', NULL), ('Vietnamese', NULL), ('Volapuk', NULL), ('Welsh', NULL),
  ('Wolof', NULL), ('Xhosa', NULL), ('Yiddish', NULL), ('Yoruba', NULL), ('Zhuang', NULL),
  ('Zulu', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'LaundryFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Common Area', 'CommonArea'), ('Electric Dryer Hookup', 'ElectricDryerHookup'),
  ('Gas Dryer Hookup', 'GasDryerHookup'), ('In Basement', 'InBasement'),
  ('In Bathroom', 'InBathroom'), ('In Carport', 'InCarport'), ('In Garage', 'InGarage'),
  ('In Hall', 'InHall'), ('In Kitchen', 'InKitchen'), ('In Unit', 'InUnit'), ('Inside', NULL),
  ('Laundry Chute', 'LaundryChute'), ('Laundry Closet', 'LaundryCloset'),
  ('Laundry Room', 'LaundryRoom'), ('Lower Level', 'LowerLevel'), ('Main Level', 'MainLevel'),
  ('Multiple Locations', 'MultipleLocations'), ('None', NULL), ('Other', NULL),
  ('Outside', NULL), ('See Remarks', 'SeeRemarks'), ('Sink', NULL),
  ('Upper Level', 'UpperLevel'), ('Washer Hookup', 'WasherHookup')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'LeaseRenewalCompensation', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Call Listing Agent', 'CallListingAgent'), ('Call Listing Office', 'CallListingOffice'),
  ('Commission Paid On Tenant Purchase', 'CommissionPaidOnTenantPurchase'),
  ('No Renewal Commission', 'NoRenewalCommission'),
  ('Renewal Commission Paid', 'RenewalCommissionPaid')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'LeaseTerm', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('12 Months', 'TwelveMonths'), ('24 Months', 'TwentyFourMonths'), ('6 Months', 'SixMonths'),
  ('Month To Month', 'MonthToMonth'), ('Negotiable', NULL), ('None', NULL), ('Other', NULL),
  ('Renewal Option', 'RenewalOption'), ('Short Term Lease', 'ShortTermLease'), ('Weekly', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Levels', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Bi-Level', 'BiLevel'), ('Multi/Split', 'MultiSplit'), ('One', NULL),
  ('One and One Half', 'OneAndOneHalf'), ('Quad-Level', 'QuadLevel'),
  ('Three Or More', 'ThreeOrMore'), ('Tri-Level', 'TriLevel'), ('Two', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'LinearUnits', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Feet', NULL), ('Meters', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ListAgentDesignation', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Accredited Buyer''s Representative / ABR', 'AccreditedBuyersRepresentative'),
  ('Accredited Land Consultant / ALC', 'AccreditedLandConsultant'),
  ('At Home With Diversity / AHWD', 'AtHomeWithDiversity'),
  ('Certified Commercial Investment Member / CCIM', 'CertifiedCommercialInvestmentMember'),
  ('Certified Distressed Property Expert / CDPE', 'CertifiedDistressedPropertyExpert'),
  ('Certified International Property Specialist / CIPS', 'CertifiedInternationalPropertySpecialist'),
  ('Certified Property Manager / CPM', 'CertifiedPropertyManager'),
  ('Certified Real Estate Brokerage Manager / CRB', 'CertifiedRealEstateBrokerageManager'),
  ('Certified Real Estate Team Specialist / C-RETS', 'CertifiedRealEstateTeamSpecialist'),
  ('Certified Residential Specialist / CRS', 'CertifiedResidentialSpecialist'),
  ('Counselor of Real Estate / CRE', 'CounselorOfRealEstate'),
  ('General Accredited Appraiser / GAA', 'GeneralAccreditedAppraiser'),
  ('Graduate, REALTOR Institute / GRI', 'GraduateRealtorInstitute'),
  ('Military Relocation Professional / MRP', 'MilitaryRelocationProfessional'),
  ('NAR''s Green Designation / GREEN', 'NARsGreenDesignation'),
  ('Performance Management Network / PMN', 'PerformanceManagementNetwork'),
  ('Pricing Strategy Advisor / PSA', 'PricingStrategyAdvisor'),
  ('REALTOR Association Certified Executive / RCE', 'RealtorAssociationCertifiedExecutive'),
  ('Real Estate Negotiation Expert / RENE', 'RealEstateNegotiationExpert'),
  ('Residential Accredited Appraiser / RAA', 'ResidentialAccreditedAppraiser'),
  ('Resort & Second-Home Property Specialist / RSPS', 'ResortAndSecondHomePropertySpecialist'),
  ('Seller Representative Specialist / SRS', 'SellerRepresentativeSpecialist'),
  ('Seniors Real Estate Specialist / SRES', 'SeniorsRealEstateSpecialist'),
  ('Short Sales & Foreclosure Resource / SFR', 'ShortSalesAndForeclosureResource'),
  ('Society of Industrial and Office REALTORS / SIOR', 'SocietyOfIndustrialAndOfficeRealtors'),
  ('Transnational Referral Certification / TRC', 'TransnationalReferralCertification'),
  ('e-PRO', 'ePRO')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ListingAgreement', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Exclusive Agency', 'ExclusiveAgency'), ('Exclusive Right To Lease', 'ExclusiveRightToLease'),
  ('Exclusive Right To Sell', 'ExclusiveRightToSell'),
  ('Exclusive Right With Exception', 'ExclusiveRightWithException'), ('Net', NULL),
  ('Open', NULL), ('Probate', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ListingService', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Entry Only', 'EntryOnly'), ('Full Service', 'FullService'),
  ('Limited Service', 'LimitedService')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ListingTerms', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('1031 Exchange', 'Exchange1031'), ('All Inclusive Trust Deed', 'AllInclusiveTrustDeed'),
  ('Assumable', NULL), ('Cash', NULL), ('Contract', NULL), ('Conventional', NULL),
  ('Existing Bonds', 'ExistingBonds'), ('FHA', NULL), ('Land Use Fee', 'LandUseFee'),
  ('Lease Back', 'LeaseBack'), ('Lease Option', 'LeaseOption'),
  ('Lease Purchase', 'LeasePurchase'), ('Lien Release', 'LienRelease'),
  ('Owner May Carry', 'OwnerMayCarry'), ('Owner Pay Points', 'OwnerPayPoints'),
  ('Owner Will Carry', 'OwnerWillCarry'),
  ('Private Financing Available', 'PrivateFinancingAvailable'),
  ('Relocation Property', 'RelocationProperty'), ('Seller Equity Share', 'SellerEquityShare'),
  ('Special Funding', 'SpecialFunding'), ('Submit', NULL), ('Trade', NULL),
  ('Trust Conveyance', 'TrustConveyance'), ('Trust Deed', 'TrustDeed'),
  ('USDA Loan', 'UsdaLoan'), ('VA Loan', 'VaLoan')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ListingURLDescription', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agent Website', 'AgentWebsite'), ('Broker Website', 'BrokerWebsite'),
  ('Brokerage Website', 'BrokerageWebsite'), ('Franchisor Website', 'FranchisorWebsite'),
  ('MLS Website', 'MlsWebsite'), ('Other Website', 'OtherWebsite'),
  ('Syndication Website', 'SyndicationWebsite')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'LockBoxType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Call Listing Office', 'CallListingOffice'), ('Call Seller Direct', 'CallSellerDirect'),
  ('Combo', NULL), ('None', NULL), ('Other', NULL), ('See Remarks', 'SeeRemarks'),
  ('SentriLock', 'Sentrilock'), ('Supra', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'LockOrBoxAccessType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('App', NULL), ('Card', NULL), ('Code', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'LotDimensionsSource', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Appraiser', NULL), ('Assessor', NULL), ('Builder', NULL), ('Estimated', NULL),
  ('GIS Calculated', 'GisCalculated'), ('Measured', NULL), ('Other', NULL), ('Owner', NULL),
  ('Public Records', 'PublicRecords'), ('See Remarks', 'SeeRemarks'), ('Survey', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'LotFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agricultural', NULL), ('Back Yard', 'BackYard'), ('Bluff', NULL), ('City Lot', 'CityLot'),
  ('Cleared', NULL), ('Close to Clubhouse', 'CloseToClubhouse'), ('Corner Lot', 'CornerLot'),
  ('Corners Marked', 'CornersMarked'), ('Cul-De-Sac', 'CulDeSac'), ('Desert Back', 'DesertBack'),
  ('Desert Front', 'DesertFront'), ('Farm', NULL), ('Few Trees', 'FewTrees'),
  ('Flag Lot', 'FlagLot'), ('Front Yard', 'FrontYard'), ('Garden', NULL),
  ('Gentle Sloping', 'GentleSloping'), ('Greenbelt', NULL), ('Interior Lot', 'InteriorLot'),
  ('Irregular Lot', 'IrregularLot'), ('Lake on Lot', 'LakeOnLot'), ('Landscaped', NULL),
  ('Level', NULL), ('Many Trees', 'ManyTrees'), ('Meadow', NULL),
  ('Native Plants', 'NativePlants'), ('Near Golf Course', 'NearGolfCourse'),
  ('Near Public Transit', 'NearPublicTransit'), ('On Golf Course', 'OnGolfCourse'),
  ('Open Lot', 'OpenLot'), ('Orchard(s)', 'Orchards'), ('Other', NULL), ('Pasture', NULL),
  ('Paved', NULL), ('Pie Shaped Lot', 'PieShapedLot'), ('Pond on Lot', 'PondOnLot'),
  ('Private', NULL), ('Rectangular Lot', 'RectangularLot'),
  ('Rock Outcropping', 'RockOutcropping'), ('Rolling Slope', 'RollingSlope'), ('Secluded', NULL),
  ('See Remarks', 'SeeRemarks'), ('Sloped', NULL), ('Sloped Down', 'SlopedDown'),
  ('Sloped Up', 'SlopedUp'), ('Split Possible', 'SplitPossible'),
  ('Sprinklers In Front', 'SprinklersInFront'), ('Sprinklers In Rear', 'SprinklersInRear'),
  ('Steep Slope', 'SteepSlope'), ('Subdivided', NULL), ('Views', NULL), ('Waterfall', NULL),
  ('Waterfront', NULL), ('Wetlands', NULL), ('Wooded', NULL), ('Zero Lot Line', 'ZeroLotLine')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'LotSizeSource', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Appraiser', NULL), ('Assessor', NULL), ('Builder', NULL), ('Estimated', NULL),
  ('Other', NULL), ('Owner', NULL), ('Plans', NULL), ('Public Records', 'PublicRecords'),
  ('See Remarks', 'SeeRemarks')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'LotSizeUnits', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Acres', NULL), ('Square Feet', 'SquareFeet'), ('Square Meters', 'SquareMeters')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'MediaAlteration', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Decluttered - Item Removed', 'DeclutteredItemRemoved'), ('Model Home', 'ModelHome'),
  ('None', NULL), ('Other Media Modification', 'OtherMediaModification'),
  ('Twilight Conversion', 'TwilightConversion'), ('Virtual Enhancements', 'VirtualEnhancements'),
  ('Virtual Renovation', 'VirtualRenovation'),
  ('Virtual Representation - To Be Built', 'VirtualRepresentationToBeBuilt'),
  ('Virtual Representation - Under Construction', 'VirtualRepresentationUnderConstruction'),
  ('Virtual Staging - Item Addition', 'VirtualStagingItemAddition')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'MediaCategory', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agent Photo', 'AgentPhoto'), ('Branded Virtual Tour', 'BrandedVirtualTour'),
  ('Document', NULL), ('Floor Plan', 'FloorPlan'), ('Office Logo', 'OfficeLogo'),
  ('Office Photo', 'OfficePhoto'), ('Photo', NULL),
  ('Unbranded Virtual Tour', 'UnbrandedVirtualTour'), ('Video', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'MediaType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('doc', 'Doc'), ('docx', 'Docx'), ('gif', 'Gif'), ('jpeg', 'Jpeg'), ('mov', 'Mov'),
  ('mp4', 'Mp4'), ('mpeg', 'Mpeg'), ('pdf', 'Pdf'), ('png', 'Png'), ('quicktime', 'Quicktime'),
  ('rtf', 'Rtf'), ('tiff', 'Tiff'), ('txt', 'Txt'), ('wmv', 'Wmv'), ('xls', 'Xls'),
  ('xlsx', 'Xlsx')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'MemberAssociationBillStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Billed', NULL), ('Not Billed', 'NotBilled'), ('Paid', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'MemberDesignation', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Accredited Buyer''s Representative / ABR', 'AccreditedBuyersRepresentative'),
  ('Accredited Land Consultant / ALC', 'AccreditedLandConsultant'),
  ('At Home With Diversity / AHWD', 'AtHomeWithDiversity'),
  ('Certified Commercial Investment Member / CCIM', 'CertifiedCommercialInvestmentMember'),
  ('Certified Distressed Property Expert / CDPE', 'CertifiedDistressedPropertyExpert'),
  ('Certified International Property Specialist / CIPS', 'CertifiedInternationalPropertySpecialist'),
  ('Certified Property Manager / CPM', 'CertifiedPropertyManager'),
  ('Certified Real Estate Brokerage Manager / CRB', 'CertifiedRealEstateBrokerageManager'),
  ('Certified Real Estate Team Specialist / C-RETS', 'CertifiedRealEstateTeamSpecialist'),
  ('Certified Residential Specialist / CRS', 'CertifiedResidentialSpecialist'),
  ('Counselor of Real Estate / CRE', 'CounselorOfRealEstate'),
  ('General Accredited Appraiser / GAA', 'GeneralAccreditedAppraiser'),
  ('Graduate, REALTOR Institute / GRI', 'GraduateRealtorInstitute'),
  ('Military Relocation Professional / MRP', 'MilitaryRelocationProfessional'),
  ('NAR''s Green Designation / GREEN', 'NARsGreenDesignation'),
  ('Performance Management Network / PMN', 'PerformanceManagementNetwork'),
  ('Pricing Strategy Advisor / PSA', 'PricingStrategyAdvisor'),
  ('REALTOR Association Certified Executive / RCE', 'RealtorAssociationCertifiedExecutive'),
  ('Real Estate Negotiation Expert / RENE', 'RealEstateNegotiationExpert'),
  ('Residential Accredited Appraiser / RAA', 'ResidentialAccreditedAppraiser'),
  ('Resort & Second-Home Property Specialist / RSPS', 'ResortAndSecondHomePropertySpecialist'),
  ('Seller Representative Specialist / SRS', 'SellerRepresentativeSpecialist'),
  ('Seniors Real Estate Specialist / SRES', 'SeniorsRealEstateSpecialist'),
  ('Short Sales & Foreclosure Resource / SFR', 'ShortSalesAndForeclosureResource'),
  ('Society of Industrial and Office REALTORS / SIOR', 'SocietyOfIndustrialAndOfficeRealtors'),
  ('Transnational Referral Certification / TRC', 'TransnationalReferralCertification'),
  ('e-PRO', 'ePRO')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'MemberOtherPhoneType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Direct', NULL), ('Fax', NULL), ('First', NULL), ('Home', NULL), ('Mobile', NULL),
  ('Modem', NULL), ('Office', NULL), ('Pager', NULL), ('Preferred', NULL), ('SMS', 'Sms'),
  ('Second', NULL), ('Third', NULL), ('Toll Free', 'TollFree'), ('Voicemail', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'MemberStateLicenseType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Appraiser', NULL), ('Broker', NULL), ('Salesperson', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'MemberStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Active', NULL), ('Inactive', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'MemberType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Affiliate', NULL), ('Assistant', NULL), ('Association Staff', 'AssociationStaff'),
  ('Designated REALTOR Appraiser', 'DesignatedRealtorAppraiser'),
  ('Designated REALTOR Participant', 'DesignatedRealtorParticipant'),
  ('Leasing Agent', 'LeasingAgent'), ('Licensed Assistant', 'LicensedAssistant'),
  ('MLS Only Appraiser', 'MlsOnlyAppraiser'), ('MLS Only Broker', 'MlsOnlyBroker'),
  ('MLS Only Broker Associate', 'MlsOnlyBrokerAssociate'),
  ('MLS Only Salesperson', 'MlsOnlySalesperson'), ('MLS Staff', 'MlsStaff'),
  ('Non Member/Vendor', 'NonMemberVendor'), ('Office Manager', 'OfficeManager'),
  ('Photographer', NULL), ('REALTOR Appraiser', 'RealtorAppraiser'),
  ('REALTOR Broker Associate', 'RealtorBrokerAssociate'),
  ('REALTOR Salesperson', 'RealtorSalesperson'), ('Unlicensed Assistant', 'UnlicensedAssistant')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'NotedBy', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agent', NULL), ('Contact', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ObjectIdType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('ListingId', NULL), ('ListingKey', NULL), ('OpenHouseId', NULL), ('OpenHouseKey', NULL),
  ('ParcelNumber', NULL), ('SavedSearchKey', NULL), ('UPI', 'Upi'), ('Unique', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ObjectType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Document', NULL), ('Listing', NULL), ('Open House', 'OpenHouse'), ('Photo', NULL),
  ('Property', NULL), ('Saved Search', 'SavedSearch'), ('Virtual Tour', 'VirtualTour')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OccupantType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Owner', NULL), ('Tenant', NULL), ('Vacant', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OfficeAssociationPrimaryIndicator', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Not Applicable', 'NotApplicable'), ('Primary', NULL), ('Secondary', NULL),
  ('Tertiary', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OfficeBranchType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Branch', NULL), ('Main', NULL), ('Stand Alone', 'StandAlone')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OfficeCorporateLicenseType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Appraiser', NULL), ('Broker', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OfficeStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Active', NULL), ('Inactive', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OfficeType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Affiliate', NULL), ('Appraiser', NULL), ('Association', NULL), ('MLS', 'Mls'),
  ('MLS Only Branch', 'MlsOnlyBranch'), ('MLS Only Firm', 'MlsOnlyFirm'),
  ('MLS Only Office', 'MlsOnlyOffice'), ('Non Member/Vendor', 'NonMemberVendor'),
  ('Realtor Branch Office', 'RealtorBranchOffice'), ('Realtor Firm', 'RealtorFirm'),
  ('Realtor Office', 'RealtorOffice')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OpenHouseStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Active', NULL), ('Canceled', NULL), ('Ended', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OpenHouseType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Broker', NULL), ('Livestream Broker', 'LivestreamBroker'),
  ('Livestream Public', 'LivestreamPublic'), ('Office', NULL), ('Public', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OperatingExpenseIncludes', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Accounting', NULL), ('Advertising', NULL), ('Association', NULL), ('Cable TV', 'CableTv'),
  ('Capital Improvements', 'CapitalImprovements'), ('Depreciation', NULL),
  ('Equipment Rental', 'EquipmentRental'), ('Fuel', NULL),
  ('Furniture Replacement', 'FurnitureReplacement'), ('Gardener', NULL), ('Insurance', NULL),
  ('Legal', NULL), ('Licenses', NULL), ('Maintenance', NULL),
  ('Maintenance Grounds', 'MaintenanceGrounds'),
  ('Maintenance Structure', 'MaintenanceStructure'), ('Manager', NULL),
  ('Mortgage/Loans', 'MortgageLoans'), ('New Tax', 'NewTax'), ('Other', NULL), ('Parking', NULL),
  ('Pest Control', 'PestControl'), ('Pool/Spa', 'PoolSpa'),
  ('Professional Management', 'ProfessionalManagement'), ('Security', NULL),
  ('Snow Removal', 'SnowRemoval'), ('Staff', NULL), ('Supplies', NULL), ('Trash', NULL),
  ('Utilities', NULL), ('Vacancy Allowance', 'VacancyAllowance'), ('Water/Sewer', 'WaterSewer'),
  ('Workmans Compensation', 'WorkmansCompensation')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OtherEquipment', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Air Purifier', 'AirPurifier'), ('Call Listing Agent', 'CallListingAgent'),
  ('Compressor', NULL), ('DC Well Pump', 'DcWellPump'), ('Dehumidifier', NULL),
  ('Farm Equipment', 'FarmEquipment'), ('Fuel Tank(s)', 'FuelTanks'), ('Generator', NULL),
  ('Home Theater', 'HomeTheater'), ('Intercom', NULL),
  ('Irrigation Equipment', 'IrrigationEquipment'), ('List Available', 'ListAvailable'),
  ('Livestock Equipment', 'LivestockEquipment'), ('Negotiable', NULL), ('None', NULL),
  ('Orchard Equipment', 'OrchardEquipment'), ('Other', NULL),
  ('Rotary Antenna', 'RotaryAntenna'), ('Satellite Dish', 'SatelliteDish'),
  ('TV Antenna', 'TvAntenna'), ('Varies by Unit', 'VariesByUnit')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OtherPhoneType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Direct', NULL), ('Fax', NULL), ('First', NULL), ('Home', NULL), ('Mobile', NULL),
  ('Modem', NULL), ('Office', NULL), ('Pager', NULL), ('Preferred', NULL), ('SMS', 'Sms'),
  ('Second', NULL), ('Third', NULL), ('Toll Free', 'TollFree'), ('Voicemail', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OtherStructures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Airplane Hangar', 'AirplaneHangar'), ('Arena', NULL), ('Barn(s)', 'Barns'),
  ('Boat House', 'BoatHouse'), ('Cabana', NULL), ('Cave(s)', 'Caves'), ('Corral(s)', 'Corrals'),
  ('Covered Arena', 'CoveredArena'), ('Garage(s)', 'Garages'), ('Gazebo', NULL),
  ('Grain Storage', 'GrainStorage'), ('Greenhouse', NULL), ('Guest House', 'GuestHouse'),
  ('Kennel/Dog Run', 'KennelDogRun'), ('Mobile Home', 'MobileHome'), ('None', NULL),
  ('Other', NULL), ('Outbuilding', NULL), ('Outdoor Kitchen', 'OutdoorKitchen'),
  ('Packing Shed', 'PackingShed'), ('Pergola', NULL), ('Pool House', 'PoolHouse'),
  ('Poultry Coop', 'PoultryCoop'), ('RV/Boat Storage', 'RvBoatStorage'), ('Residence', NULL),
  ('Second Garage', 'SecondGarage'), ('Second Residence', 'SecondResidence'),
  ('See Remarks', 'SeeRemarks'), ('Shed(s)', 'Sheds'), ('Stable(s)', 'Stables'),
  ('Storage', NULL), ('Tennis Court(s)', 'TennisCourts'), ('Workshop', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OwnerPays', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('All Utilities', 'AllUtilities'), ('Association Fees', 'AssociationFees'),
  ('Cable TV', 'CableTv'), ('Common Area Maintenance', 'CommonAreaMaintenance'),
  ('Electricity', NULL), ('Exterior Maintenance', 'ExteriorMaintenance'), ('Gas', NULL),
  ('Grounds Care', 'GroundsCare'), ('HVAC Maintenance', 'HvacMaintenance'),
  ('Hot Water', 'HotWater'), ('Insurance', NULL), ('Janitorial Service', 'JanitorialService'),
  ('Management', NULL), ('None', NULL), ('Other', NULL), ('Other Tax', 'OtherTax'),
  ('Parking Fee', 'ParkingFee'), ('Pest Control', 'PestControl'),
  ('Pool Maintenance', 'PoolMaintenance'), ('Repairs', NULL),
  ('Roof Maintenance', 'RoofMaintenance'), ('Security', NULL), ('See Remarks', 'SeeRemarks'),
  ('Sewer', NULL), ('Snow Removal', 'SnowRemoval'), ('Taxes', NULL), ('Telephone', NULL),
  ('Trash Collection', 'TrashCollection'), ('Water', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'OwnershipType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Corporation', NULL), ('LLC', 'Llc'), ('Partnership', NULL),
  ('Sole Proprietor', 'SoleProprietor')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ParkingFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Additional Parking', 'AdditionalParking'), ('Aggregate', NULL),
  ('Alley Access', 'AlleyAccess'), ('Asphalt', NULL), ('Assigned', NULL), ('Attached', NULL),
  ('Attached Carport', 'AttachedCarport'), ('Basement', NULL), ('Boat', NULL), ('Carport', NULL),
  ('Circular Driveway', 'CircularDriveway'), ('Common', NULL),
  ('Community Structure', 'CommunityStructure'), ('Concrete', NULL),
  ('Converted Garage', 'ConvertedGarage'), ('Covered', NULL), ('Deck', NULL), ('Deeded', NULL),
  ('Detached', NULL), ('Detached Carport', 'DetachedCarport'), ('Direct Access', 'DirectAccess'),
  ('Drive Through', 'DriveThrough'), ('Driveway', NULL), ('Electric Gate', 'ElectricGate'),
  ('Electric Vehicle Charging Station(s)', 'ElectricVehicleChargingStations'),
  ('Enclosed', NULL), ('Garage', NULL), ('Garage Door Opener', 'GarageDoorOpener'),
  ('Garage Faces Front', 'GarageFacesFront'), ('Garage Faces Rear', 'GarageFacesRear'),
  ('Garage Faces Side', 'GarageFacesSide'), ('Gated', NULL),
  ('Golf Cart Garage', 'GolfCartGarage'), ('Gravel', NULL), ('Guest', NULL),
  ('Heated Garage', 'HeatedGarage'), ('Inside Entrance', 'InsideEntrance'),
  ('Kitchen Level', 'KitchenLevel'), ('Leased', NULL), ('Lighted', NULL),
  ('No Garage', 'NoGarage'), ('None', NULL), ('Off Site', 'OffSite'),
  ('Off Street', 'OffStreet'), ('On Site', 'OnSite'), ('On Street', 'OnStreet'), ('Open', NULL),
  ('Other', NULL), ('Outside', NULL), ('Oversized', NULL), ('Parking Lot', 'ParkingLot'),
  ('Parking Pad', 'ParkingPad'), ('Paved', NULL), ('Paver Block', 'PaverBlock'),
  ('Permit Required', 'PermitRequired'), ('Private', NULL),
  ('RV Access/Parking', 'RvAccessParking'), ('RV Carport', 'RvCarport'),
  ('RV Garage', 'RvGarage'), ('RV Gated', 'RvGated'), ('Secured', NULL),
  ('See Remarks', 'SeeRemarks'), ('Shared Driveway', 'SharedDriveway'),
  ('Side By Side', 'SideBySide'), ('Storage', NULL), ('Tandem', NULL), ('Unassigned', NULL),
  ('Underground', NULL), ('Unpaved', NULL), ('Valet', NULL), ('Varies by Unit', 'VariesByUnit'),
  ('Workshop in Garage', 'WorkshopInGarage')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PatioAndPorchFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Awning(s)', 'Awnings'), ('Covered', NULL), ('Deck', NULL), ('Enclosed', NULL),
  ('Front Porch', 'FrontPorch'), ('Glass Enclosed', 'GlassEnclosed'), ('None', NULL),
  ('Other', NULL), ('Patio', NULL), ('Porch', NULL), ('Rear Porch', 'RearPorch'),
  ('Screened', NULL), ('See Remarks', 'SeeRemarks'), ('Side Porch', 'SidePorch'),
  ('Terrace', NULL), ('Wrap Around', 'WrapAround')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Permission', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agent Only', 'AgentOnly'), ('Firm Only', 'FirmOnly'), ('IDX', 'Idx'),
  ('Office Only', 'OfficeOnly'), ('Private', NULL), ('Public', NULL), ('VOW', 'Vow')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PetsAllowed', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Breed Restrictions', 'BreedRestrictions'), ('Call', NULL), ('Cats OK', 'CatsOk'),
  ('Dogs OK', 'DogsOk'), ('No', NULL), ('Number Limit', 'NumberLimit'),
  ('Size Limit', 'SizeLimit'), ('Yes', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PoolFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Above Ground', 'AboveGround'), ('Association', NULL), ('Black Bottom', 'BlackBottom'),
  ('Cabana', NULL), ('Community', NULL), ('Diving Board', 'DivingBoard'),
  ('ENERGY STAR Qualified pool pump', 'EnergyStarQualifiedPoolPump'),
  ('Electric Heat', 'ElectricHeat'), ('Fenced', NULL), ('Fiberglass', NULL), ('Filtered', NULL),
  ('Gas Heat', 'GasHeat'), ('Gunite', NULL), ('Heated', NULL), ('In Ground', 'InGround'),
  ('Indoor', NULL), ('Infinity', NULL), ('Lap', NULL), ('Liner', NULL), ('None', NULL),
  ('Other', NULL), ('Outdoor Pool', 'OutdoorPool'), ('Pool Cover', 'PoolCover'),
  ('Pool Sweep', 'PoolSweep'), ('Pool/Spa Combo', 'PoolSpaCombo'), ('Private', NULL),
  ('Salt Water', 'SaltWater'), ('Screen Enclosure', 'ScreenEnclosure'),
  ('See Remarks', 'SeeRemarks'), ('Solar Cover', 'SolarCover'), ('Solar Heat', 'SolarHeat'),
  ('Sport', NULL), ('Tile', NULL), ('Vinyl', NULL), ('Waterfall', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Possession', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Close Of Escrow', 'CloseOfEscrow'), ('Close Plus 1 Day', 'ClosePlus1Day'),
  ('Close Plus 2 Days', 'ClosePlus2Days'), ('Close Plus 3 Days', 'ClosePlus3Days'),
  ('Close Plus 3 to 5 Days', 'ClosePlus3To5Days'), ('Close Plus 30 Days', 'ClosePlus30Days'),
  ('Negotiable', NULL), ('Other', NULL), ('Rental Agreement', 'RentalAgreement'),
  ('See Remarks', 'SeeRemarks'), ('Seller Rent Back', 'SellerRentBack'),
  ('Subject To Tenant Rights', 'SubjectToTenantRights')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PowerProductionAnnualStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Actual', NULL), ('Estimated', NULL), ('Partially Estimated', 'PartiallyEstimated')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PowerProductionOwnership', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Seller Owned', 'SellerOwned'), ('Third-Party Owned', 'ThirdPartyOwned')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PowerProductionType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Photovoltaics', NULL), ('Wind', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PowerStorageType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Lead Acid Battery', 'LeadAcidBattery'), ('Lithium Ion Battery', 'LithiumIonBattery'),
  ('Lithium Iron Phosphate', 'LithiumIronPhosphate'), ('Other', NULL), ('Unknown', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PreferredAddress', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Home', NULL), ('Other', NULL), ('Work', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PreferredMail', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Home Address', 'HomeAddress'), ('Mailing Address', 'MailingAddress'),
  ('Office Mailing Address', 'OfficeMailingAddress'),
  ('Office Street Address', 'OfficeStreetAddress')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PreferredMedia', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Email', NULL), ('Fax', NULL), ('Mail', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PreferredPhone', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Direct', NULL), ('Home', NULL), ('Mobile', NULL), ('Office', NULL), ('Other', NULL),
  ('Toll Free', 'TollFree'), ('Voicemail', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PreferredPublication', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Fax', NULL), ('Home Address', 'HomeAddress'), ('Mailing Address', 'MailingAddress'),
  ('Office Mailing Address', 'OfficeMailingAddress'),
  ('Office Street Address', 'OfficeStreetAddress')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PropertyCondition', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Fixer', NULL), ('New Construction', 'NewConstruction'), ('To Be Built', 'ToBeBuilt'),
  ('Under Construction', 'UnderConstruction'), ('Updated/Remodeled', 'UpdatedRemodeled')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PropertySubType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agriculture', NULL), ('Apartment', NULL), ('Boat Slip', 'BoatSlip'), ('Business', NULL),
  ('Cabin', NULL), ('Co-Ownership', 'CoOwnership'), ('Condominium', NULL),
  ('Deeded Parking', 'DeededParking'), ('Duplex', NULL), ('Farm', NULL),
  ('Hotel/Motel', 'HotelMotel'), ('Industrial', NULL), ('Manufactured Home', 'ManufacturedHome'),
  ('Manufactured On Land', 'ManufacturedOnLand'), ('Mixed Use', 'MixedUse'),
  ('Mobile Home', 'MobileHome'), ('Mobile Home Park', 'MobileHomePark'),
  ('Multi Family', 'MultiFamily'), ('Office', NULL), ('Own Your Own', 'OwnYourOwn'),
  ('Quadruplex', NULL), ('Ranch', NULL), ('Retail', NULL),
  ('Single Family Residence', 'SingleFamilyResidence'),
  ('Stock Cooperative', 'StockCooperative'), ('Tenancy in Common', 'TenancyInCommon'),
  ('Timeshare', NULL), ('Townhouse', NULL), ('Triplex', NULL),
  ('Unimproved Land', 'UnimprovedLand'), ('Warehouse', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'PropertyType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Business Opportunity', 'BusinessOpportunity'), ('Commercial Lease', 'CommercialLease'),
  ('Commercial Sale', 'CommercialSale'), ('Farm', NULL), ('Land', NULL),
  ('Manufactured In Park', 'ManufacturedInPark'), ('Residential', NULL),
  ('Residential Income', 'ResidentialIncome'), ('Residential Lease', 'ResidentialLease')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'QueueTransactionType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Add', NULL), ('Change', NULL), ('Delete', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ReasonActiveOrDisabled', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agent Disabled', 'AgentDisabled'), ('Client Disabled', 'ClientDisabled'),
  ('Concierge Notification', 'ConciergeNotification'),
  ('Final Ignored Warning', 'FinalIgnoredWarning'), ('Ignored', NULL),
  ('Initial Ignored Warning', 'InitialIgnoredWarning'), ('Invalid', NULL),
  ('No Listings Found', 'NoListingsFound'),
  ('No Listings Found Warning', 'NoListingsFoundWarning'),
  ('No One To Send To', 'NoOneToSendTo'), ('Over Limit', 'OverLimit'),
  ('Re-Activated', 'ReActivated'), ('Revised', NULL), ('Search Failing', 'SearchFailing'),
  ('Welcome Email Ignored', 'WelcomeEmailIgnored'),
  ('Welcome Email Ignored Warning', 'WelcomeEmailIgnoredWarning')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'RentIncludes', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('All Utilities', 'AllUtilities'), ('Cable TV', 'CableTv'), ('Electricity', NULL),
  ('Gardener', NULL), ('Gas', NULL), ('Internet', NULL), ('Management', NULL), ('None', NULL),
  ('Other', NULL), ('See Remarks', 'SeeRemarks'), ('Sewer', NULL),
  ('Trash Collection', 'TrashCollection'), ('Water', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ResourceName', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Association', NULL), ('Contacts', NULL), ('Member', NULL), ('Office', NULL),
  ('Property', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ResponseTypes', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Events', NULL), ('Summary', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'RoadFrontageType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Alley', NULL), ('City Street', 'CityStreet'), ('County Road', 'CountyRoad'),
  ('Easement', NULL), ('Freeway', NULL), ('Highway', NULL), ('Interstate', NULL), ('None', NULL),
  ('Other', NULL), ('Private Road', 'PrivateRoad'), ('See Remarks', 'SeeRemarks'),
  ('State Road', 'StateRoad'), ('Unimproved', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'RoadResponsibility', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Private Maintained Road', 'PrivateMaintainedRoad'),
  ('Public Maintained Road', 'PublicMaintainedRoad'),
  ('Road Maintenance Agreement', 'RoadMaintenanceAgreement')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'RoadSurfaceType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Alley Paved', 'AlleyPaved'), ('Asphalt', NULL), ('Chip And Seal', 'ChipAndSeal'),
  ('Concrete', NULL), ('Dirt', NULL), ('Gravel', NULL), ('None', NULL), ('Other', NULL),
  ('Paved', NULL), ('See Remarks', 'SeeRemarks'), ('Unimproved', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Roof', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Aluminum', NULL), ('Asbestos Shingle', 'AsbestosShingle'), ('Asphalt', NULL),
  ('Bahama', NULL), ('Barrel', NULL), ('Bituthene', NULL), ('Built-Up', 'BuiltUp'),
  ('Composition', NULL), ('Concrete', NULL), ('Copper', NULL), ('Elastomeric', NULL),
  ('Fiberglass', NULL), ('Flat', NULL), ('Flat Tile', 'FlatTile'), ('Foam', NULL),
  ('Green Roof', 'GreenRoof'), ('Mansard', NULL), ('Membrane', NULL), ('Metal', NULL),
  ('Mixed', NULL), ('None', NULL), ('Other', NULL), ('Rolled/Hot Mop', 'RolledHotMop'),
  ('Rubber', NULL), ('See Remarks', 'SeeRemarks'), ('Shake', NULL), ('Shingle', NULL),
  ('Slate', NULL), ('Spanish Tile', 'SpanishTile'), ('Stone', NULL), ('Synthetic', NULL),
  ('Tar/Gravel', 'TarGravel'), ('Tile', NULL), ('Wood', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'RoomLengthWidthSource', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Appraiser', NULL), ('Assessor', NULL), ('Builder', NULL), ('Estimated', NULL),
  ('GIS Calculated', 'GisCalculated'), ('Measured', NULL), ('Other', NULL), ('Owner', NULL),
  ('Public Records', 'PublicRecords'), ('See Remarks', 'SeeRemarks'), ('Survey', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'RoomLevel', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Basement', NULL), ('First', NULL), ('Lower', NULL), ('Main', NULL), ('Second', NULL),
  ('Third', NULL), ('Upper', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'RoomType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Basement', NULL), ('Bathroom', NULL), ('Bathroom 1', 'Bathroom1'),
  ('Bathroom 2', 'Bathroom2'), ('Bathroom 3', 'Bathroom3'), ('Bathroom 4', 'Bathroom4'),
  ('Bathroom 5', 'Bathroom5'), ('Bedroom', NULL), ('Bedroom 1', 'Bedroom1'),
  ('Bedroom 2', 'Bedroom2'), ('Bedroom 3', 'Bedroom3'), ('Bedroom 4', 'Bedroom4'),
  ('Bedroom 5', 'Bedroom5'), ('Bonus Room', 'BonusRoom'), ('Den', NULL),
  ('Dining Room', 'DiningRoom'), ('Exercise Room', 'ExerciseRoom'),
  ('Family Room', 'FamilyRoom'), ('Game Room', 'GameRoom'), ('Great Room', 'GreatRoom'),
  ('Gym', NULL), ('Kitchen', NULL), ('Laundry', NULL), ('Library', NULL),
  ('Living Room', 'LivingRoom'), ('Loft', NULL), ('Master Bathroom', 'MasterBathroom'),
  ('Master Bedroom', 'MasterBedroom'), ('Media Room', 'MediaRoom'), ('Office', NULL),
  ('Sauna', NULL), ('Utility Room', 'UtilityRoom'), ('Workshop', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'RuleFormat', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('$filter', 'OdataFilter'), ('JavaScript', 'Javascript'), ('REBR', 'Rebr'),
  ('RetsValidation', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ScheduleType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('ASAP', 'Asap'), ('Daily', NULL), ('Monthly', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'SearchQueryType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('$filter', 'OdataFilter'), ('DMQL2', 'Dmql2')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'SecurityFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('24 Hour Security', 'TwentyFourHourSecurity'), ('Building Security', 'BuildingSecurity'),
  ('Carbon Monoxide Detector(s)', 'CarbonMonoxideDetectors'),
  ('Closed Circuit Camera(s)', 'ClosedCircuitCameras'), ('Fire Alarm', 'FireAlarm'),
  ('Fire Escape', 'FireEscape'), ('Fire Sprinkler System', 'FireSprinklerSystem'),
  ('Firewall(s)', 'Firewalls'), ('Gated Community', 'GatedCommunity'),
  ('Gated with Guard', 'GatedWithGuard'), ('Key Card Entry', 'KeyCardEntry'), ('Other', NULL),
  ('Panic Alarm', 'PanicAlarm'), ('Prewired', NULL),
  ('Secured Garage/Parking', 'SecuredGarageParking'), ('Security Fence', 'SecurityFence'),
  ('Security Gate', 'SecurityGate'), ('Security Guard', 'SecurityGuard'),
  ('Security Lights', 'SecurityLights'), ('Security Service', 'SecurityService'),
  ('Security System', 'SecuritySystem'), ('Security System Leased', 'SecuritySystemLeased'),
  ('Security System Owned', 'SecuritySystemOwned'), ('See Remarks', 'SeeRemarks'),
  ('Smoke Detector(s)', 'SmokeDetectors'), ('Varies By Unit', 'VariesByUnit'),
  ('Window Bars', 'WindowBars'),
  ('Window Bars with Quick Release', 'WindowBarsWithQuickRelease')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Sewer', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Aerobic Septic', 'AerobicSeptic'), ('Cesspool', NULL),
  ('Engineered Septic', 'EngineeredSeptic'), ('Holding Tank', 'HoldingTank'),
  ('Mound Septic', 'MoundSeptic'), ('None', NULL), ('Other', NULL),
  ('Perc Test On File', 'PercTestOnFile'), ('Perc Test Required', 'PercTestRequired'),
  ('Private Sewer', 'PrivateSewer'), ('Public Sewer', 'PublicSewer'),
  ('Septic Needed', 'SepticNeeded'), ('Septic Tank', 'SepticTank'),
  ('Shared Septic', 'SharedSeptic'), ('Unknown', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ShowingAppointmentMethod', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('In-Person', 'InPerson'), ('Other', NULL), ('Virtual', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ShowingAppointmentStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Cancelled', NULL), ('Confirmed', NULL), ('Denied', NULL), ('Pending', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ShowingConsiderations', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Day Sleeper', 'DaySleeper'), ('Electricity Not On', 'ElectricityNotOn'),
  ('Inconsistent Cell Service', 'InconsistentCellService'),
  ('Limited Visibility From Road', 'LimitedVisibilityFromRoad'),
  ('Minimal Exterior Lighting', 'MinimalExteriorLighting'),
  ('Minimal Interior Lighting', 'MinimalInteriorLighting'),
  ('No Exterior Lighting', 'NoExteriorLighting'), ('No Heat', 'NoHeat'),
  ('No Interior Lighting', 'NoInteriorLighting'), ('Occupied', NULL),
  ('Pet(s) on Premises', 'PetsOnPremises'), ('Remote Location', 'RemoteLocation'),
  ('Security System', 'SecuritySystem'), ('See Remarks', 'SeeRemarks')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ShowingContactType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agent', NULL), ('Occupant', NULL), ('Owner', NULL), ('Property Manager', 'PropertyManager')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ShowingMethod', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('In-Person', 'InPerson'), ('Other', NULL), ('Virtual', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ShowingMethodRequest', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('In-Person', 'InPerson'), ('Other', NULL), ('Virtual', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ShowingRequestType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Broker Preview', 'BrokerPreview'), ('Broker Price Opinion', 'BrokerPriceOpinion'),
  ('First', NULL), ('Inspection', NULL), ('Second', NULL), ('Walk-through', 'WalkThrough')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ShowingRequestor', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Agent', NULL), ('Consumer', NULL),
  ('Home Improvement Specialist', 'HomeImprovementSpecialist'),
  ('Home Inspector', 'HomeInspector'), ('Home Security Provider', 'HomeSecurityProvider'),
  ('Member Type', 'MemberType'), ('Moving Storage', 'MovingStorage'), ('Occupant', NULL),
  ('Owner', NULL), ('Property Manager', 'PropertyManager'), ('Sales Office', 'SalesOffice')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ShowingRequirements', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('24 Hour Notice', 'TwentyFourHourNotice'), ('Appointment Only', 'AppointmentOnly'),
  ('Call Listing Agent', 'CallListingAgent'), ('Call Listing Office', 'CallListingOffice'),
  ('Call Manager', 'CallManager'), ('Call Owner', 'CallOwner'), ('Call Tenant', 'CallTenant'),
  ('Combination Lock Box', 'CombinationLockBox'), ('Do Not Show', 'DoNotShow'),
  ('Email Listing Agent', 'EmailListingAgent'), ('Key In Office', 'KeyInOffice'),
  ('Lockbox', NULL), ('No Lockbox', 'NoLockbox'), ('No Sign', 'NoSign'),
  ('Restricted Hours', 'RestrictedHours'), ('See Remarks', 'SeeRemarks'),
  ('Showing Service', 'ShowingService'), ('Text Listing Agent', 'TextListingAgent')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ShowingServiceName', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Aligned Showings', 'AlignedShowings'), ('BrokerBay', NULL), ('Homesnap', 'HomeSnap'),
  ('Instashowing', 'InstaShowing'), ('LocalShowing', NULL), ('None', NULL), ('Other', NULL),
  ('SentriKey Showing', 'SentrikeyShowing'), ('ShowingTime', NULL), ('Showingly', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'ShowingStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Accepting Requests', 'AcceptingRequests'), ('No Showings', 'NoShowings'),
  ('On Hold', 'OnHold'), ('Restricted Showings', 'RestrictedShowings')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Skirt', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Aluminum', NULL), ('Block', NULL), ('Brick', NULL), ('Combination', NULL),
  ('Concrete', NULL), ('Fiberglass', NULL), ('Frame', NULL), ('Glass', NULL), ('Masonite', NULL),
  ('Metal', NULL), ('None', NULL), ('Other', NULL), ('Steel', NULL), ('Stone', NULL),
  ('Stucco', NULL), ('Synthetic', NULL), ('Unknown', NULL), ('Vinyl', NULL), ('Wood', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'SocialMediaType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Blog', NULL), ('Digg', NULL), ('Facebook', NULL),
  ('Facebook Messenger', 'FacebookMessenger'), ('GooglePlus', 'Googleplus'), ('Instagram', NULL),
  ('LinkedIn', 'Linkedin'), ('Pinterest', NULL), ('Reddit', NULL), ('Slack', NULL),
  ('Snapchat', NULL), ('StumbleUpon', 'Stumbleupon'), ('Tumblr', NULL), ('Twitter', NULL),
  ('Website', NULL), ('YouTube', 'Youtube'), ('iMessage', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'SpaFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Above Ground', 'AboveGround'), ('Bath', NULL), ('Community', NULL), ('Fiberglass', NULL),
  ('Gunite', NULL), ('Heated', NULL), ('In Ground', 'InGround'), ('None', NULL),
  ('Private', NULL), ('See Remarks', 'SeeRemarks')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'SpecialLicenses', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Beer/Wine', 'BeerWine'), ('Class H', 'ClassH'), ('Entertainment', NULL), ('Franchise', NULL),
  ('Gambling', NULL), ('Liquor', NULL), ('Liquor 5 Years Or Less', 'Liquor5YearsOrLess'),
  ('Liquor 5 Years Or More', 'Liquor5YearsOrMore'), ('Liquor-Off Sale', 'LiquorOffSale'),
  ('Liquor-On Sale', 'LiquorOnSale'), ('None', NULL), ('Other', NULL), ('Professional', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'SpecialListingConditions', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Auction', NULL), ('Bankruptcy Property', 'BankruptcyProperty'), ('Conservatorship', NULL),
  ('HUD Owned', 'HudOwned'), ('In Foreclosure', 'InForeclosure'),
  ('Notice Of Default', 'NoticeOfDefault'), ('Probate Listing', 'ProbateListing'),
  ('Real Estate Owned', 'RealEstateOwned'), ('Short Sale', 'ShortSale'), ('Standard', NULL),
  ('Third Party Approval', 'ThirdPartyApproval'), ('Trust', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'StandardStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Active', NULL), ('Active Under Contract', 'ActiveUnderContract'), ('Canceled', NULL),
  ('Closed', NULL), ('Coming Soon', 'ComingSoon'), ('Delete', NULL), ('Expired', NULL),
  ('Hold', NULL), ('Incomplete', NULL), ('Pending', NULL), ('Withdrawn', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'StateOrProvince', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('AB', NULL), ('AK', NULL), ('AL', NULL), ('AR', NULL), ('AZ', NULL), ('BC', NULL),
  ('CA', NULL), ('CO', NULL), ('CT', NULL), ('DC', NULL), ('DE', NULL), ('FL', NULL),
  ('GA', NULL), ('HI', NULL), ('IA', NULL), ('ID', NULL), ('IL', NULL), ('IN', NULL),
  ('KS', NULL), ('KY', NULL), ('LA', NULL), ('MA', NULL), ('MB', NULL), ('MD', NULL),
  ('ME', NULL), ('MI', NULL), ('MN', NULL), ('MO', NULL), ('MS', NULL), ('MT', NULL),
  ('NB', NULL), ('NC', NULL), ('ND', NULL), ('NE', NULL), ('NF', NULL), ('NH', NULL),
  ('NJ', NULL), ('NM', NULL), ('NS', NULL), ('NT', NULL), ('NU', NULL), ('NV', NULL),
  ('NY', NULL), ('OH', NULL), ('OK', NULL), ('ON', NULL), ('OR', NULL), ('PA', NULL),
  ('PE', NULL), ('QC', NULL), ('RI', NULL), ('SC', NULL), ('SD', NULL), ('SK', NULL),
  ('TN', NULL), ('TX', NULL), ('UT', NULL), ('VA', NULL), ('VI', NULL), ('VT', NULL),
  ('WA', NULL), ('WI', NULL), ('WV', NULL), ('WY', NULL), ('YT', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'StreetDirection', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('E', NULL), ('N', NULL), ('NE', NULL), ('NW', NULL), ('S', NULL), ('SE', NULL), ('SW', NULL),
  ('W', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'StructureType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Cabin', NULL), ('Dock', NULL), ('Duplex', NULL), ('Flex', NULL),
  ('Hotel/Motel', 'HotelMotel'), ('House', NULL), ('Industrial', NULL),
  ('Manufactured House', 'ManufacturedHouse'), ('Mixed Use', 'MixedUse'),
  ('Multi Family', 'MultiFamily'), ('None', NULL), ('Office', NULL), ('Quadruplex', NULL),
  ('Retail', NULL), ('Townhouse', NULL), ('Triplex', NULL), ('Warehouse', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'SyndicateTo', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Homes.com', 'HomesDotCom'), ('ListHub', 'Listhub'), ('Realtor.com', 'RealtorDotCom'),
  ('Zillow/Trulia', 'ZillowTrulia')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'TaxStatusCurrent', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Personal', NULL), ('Personal And Real', 'PersonalAndReal'), ('Real', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'TeamMemberType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Administration Assistant', 'AdministrationAssistant'), ('Buyer Agent', 'BuyerAgent'),
  ('Lead Manager', 'LeadManager'), ('Listing Agent', 'ListingAgent'),
  ('Marketing Assistant', 'MarketingAssistant'), ('Operations Manager', 'OperationsManager'),
  ('Showing Agent', 'ShowingAgent'), ('Team Lead', 'TeamLead'), ('Team Member', 'TeamMember'),
  ('Transaction Coordinator', 'TransactionCoordinator')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'TeamStatus', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Active', NULL), ('Inactive', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'TenantPays', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('All Utilities', 'AllUtilities'), ('Association Fees', 'AssociationFees'),
  ('Cable TV', 'CableTv'), ('Common Area Maintenance', 'CommonAreaMaintenance'),
  ('Electricity', NULL), ('Exterior Maintenance', 'ExteriorMaintenance'), ('Gas', NULL),
  ('Grounds Care', 'GroundsCare'), ('HVAC Maintenance', 'HvacMaintenance'),
  ('Hot Water', 'HotWater'), ('Insurance', NULL), ('Janitorial Service', 'JanitorialService'),
  ('Management', NULL), ('None', NULL), ('Other', NULL), ('Other Tax', 'OtherTax'),
  ('Parking Fee', 'ParkingFee'), ('Pest Control', 'PestControl'),
  ('Pool Maintenance', 'PoolMaintenance'), ('Repairs', NULL), ('Roof', NULL), ('Security', NULL),
  ('See Remarks', 'SeeRemarks'), ('Sewer', NULL), ('Snow Removal', 'SnowRemoval'),
  ('Taxes', NULL), ('Telephone', NULL), ('Trash Collection', 'TrashCollection'), ('Water', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'TrackingType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('ListAgentMlsId', NULL), ('ListOfficeMlsId', NULL), ('ListingId', NULL),
  ('MainOfficeMlsId', NULL), ('OUID', 'Ouid')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'TransactionType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Lease Offer', 'LeaseOffer'), ('Listing for Lease', 'ListingForLease'),
  ('Listing for Sale', 'ListingForSale'), ('Other', NULL), ('Purchase Offer', 'PurchaseOffer')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'UnitTypeType', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('1 Bedroom', 'OneBedroom'), ('2 Bedroom', 'TwoBedroom'), ('3 Bedroom', 'ThreeBedroom'),
  ('4 Bedroom Or More', 'FourBedroomOrMore'), ('Apartments', NULL), ('Efficiency', NULL),
  ('Loft', NULL), ('Manager''s Unit', 'ManagersUnit'), ('Penthouse', NULL), ('Studio', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'UnitsFurnished', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('All Units', 'AllUnits'), ('None', NULL), ('Varies By Unit', 'VariesByUnit')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Utilities', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Cable Available', 'CableAvailable'), ('Cable Connected', 'CableConnected'),
  ('Cable Not Available', 'CableNotAvailable'),
  ('Electricity Available', 'ElectricityAvailable'),
  ('Electricity Connected', 'ElectricityConnected'),
  ('Electricity Not Available', 'ElectricityNotAvailable'),
  ('Natural Gas Available', 'NaturalGasAvailable'),
  ('Natural Gas Connected', 'NaturalGasConnected'),
  ('Natural Gas Not Available', 'NaturalGasNotAvailable'), ('None', NULL), ('Other', NULL),
  ('Phone Available', 'PhoneAvailable'), ('Phone Connected', 'PhoneConnected'),
  ('Phone Not Available', 'PhoneNotAvailable'), ('Propane', NULL), ('See Remarks', 'SeeRemarks'),
  ('Sewer Available', 'SewerAvailable'), ('Sewer Connected', 'SewerConnected'),
  ('Sewer Not Available', 'SewerNotAvailable'),
  ('Underground Utilities', 'UndergroundUtilities'), ('Water Available', 'WaterAvailable'),
  ('Water Connected', 'WaterConnected'), ('Water Not Available', 'WaterNotAvailable')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'Vegetation', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Brush', NULL), ('Cleared', NULL), ('Crop(s)', 'Crops'), ('Grassed', NULL),
  ('Heavily Wooded', 'HeavilyWooded'), ('Natural State', 'NaturalState'), ('Other', NULL),
  ('Partially Wooded', 'PartiallyWooded'), ('See Remarks', 'SeeRemarks'), ('Wooded', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'View', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Bay', NULL), ('Beach', NULL), ('Bridge(s)', 'Bridges'), ('Canal', NULL), ('Canyon', NULL),
  ('City', NULL), ('City Lights', 'CityLights'), ('Creek/Stream', 'CreekStream'),
  ('Desert', NULL), ('Downtown', NULL), ('Forest', NULL), ('Garden', NULL),
  ('Golf Course', 'GolfCourse'), ('Hills', NULL), ('Lake', NULL), ('Marina', NULL),
  ('Meadow', NULL), ('Mountain(s)', 'Mountains'), ('Neighborhood', NULL), ('None', NULL),
  ('Ocean', NULL), ('Orchard', NULL), ('Other', NULL), ('Panoramic', NULL),
  ('Park/Greenbelt', 'ParkGreenbelt'), ('Pasture', NULL), ('Pond', NULL), ('Pool', NULL),
  ('Ridge', NULL), ('River', NULL), ('Rural', NULL), ('See Remarks', 'SeeRemarks'),
  ('Skyline', NULL), ('Territorial', NULL), ('Trees/Woods', 'TreesWoods'), ('Valley', NULL),
  ('Vineyard', NULL), ('Water', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'WaterSource', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Cistern', NULL), ('None', NULL), ('Other', NULL), ('Private', NULL), ('Public', NULL),
  ('See Remarks', 'SeeRemarks'), ('Shared Well', 'SharedWell'), ('Spring', NULL), ('Well', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'WaterfrontFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Bay Access', 'BayAccess'), ('Bayfront', NULL), ('Beach Access', 'BeachAccess'),
  ('Beach Front', 'BeachFront'), ('Canal Access', 'CanalAccess'), ('Canal Front', 'CanalFront'),
  ('Creek', NULL), ('Lagoon', NULL), ('Lake Front', 'LakeFront'),
  ('Lake Privileges', 'LakePrivileges'), ('Marina in Community', 'MarinaInCommunity'),
  ('Navigable Water', 'NavigableWater'), ('Ocean Access', 'OceanAccess'),
  ('Ocean Front', 'OceanFront'), ('Pond', NULL), ('River Access', 'RiverAccess'),
  ('River Front', 'RiverFront'), ('Seawall', NULL), ('Stream', NULL), ('Waterfront', NULL)) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'WindowFeatures', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Aluminum Frames', 'AluminumFrames'), ('Bay Window(s)', 'BayWindows'), ('Blinds', NULL),
  ('Display Window(s)', 'DisplayWindows'), ('Double Pane Windows', 'DoublePaneWindows'),
  ('Drapes', NULL), ('ENERGY STAR Qualified Windows', 'EnergyStarQualifiedWindows'),
  ('Garden Window(s)', 'GardenWindows'), ('Insulated Windows', 'InsulatedWindows'),
  ('Low-Emissivity Windows', 'LowEmissivityWindows'),
  ('Plantation Shutters', 'PlantationShutters'), ('Screens', NULL), ('Shutters', NULL),
  ('Skylight(s)', 'Skylights'), ('Solar Screens', 'SolarScreens'),
  ('Storm Window(s)', 'StormWindows'), ('Tinted Windows', 'TintedWindows'),
  ('Triple Pane Windows', 'TriplePaneWindows'), ('Window Coverings', 'WindowCoverings'),
  ('Window Treatments', 'WindowTreatments'), ('Wood Frames', 'WoodFrames')) v(value, legacy);

INSERT INTO mls.dd_lookup
SELECT 'YearBuiltSource', v.value, coalesce(v.legacy, v.value) FROM (VALUES
  ('Appraiser', NULL), ('Assessor', NULL), ('Builder', NULL), ('Estimated', NULL),
  ('Other', NULL), ('Owner', NULL), ('Public Records', 'PublicRecords'),
  ('See Remarks', 'SeeRemarks')) v(value, legacy);
