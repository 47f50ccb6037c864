"""Fake geocoders, each in the words of a real one, below /geo/NAME.  What they know is put
there by a test: places, each with number, street, city, state, postal_code, country, latitude,
longitude and accuracy (rooftop, interpolated, street, city).  Number and street find them,
whatever the town: services do that, too."""
import json

from web import Response

ROOT = "/geo"
KEY = "geo-key&value"
KEYS = {"google": "key", "mapbox": "access_token", "pelias": "api_key", "opencage": "key", "locationiq": "key", "geoapify": "apiKey"}


class Geocoders:
    def __init__(self):
        self.places = []

    def answer(self, request):
        name = request.path[len(ROOT) + 1:].partition("/")[0]
        make = getattr(self, name, None)
        if name not in ANSWERS or make is None:
            return Response(404, '{"error": "no such geocoder"}')
        if name in KEYS and request.option(KEYS[name]) != KEY:
            if name == "google":
                return self.json({"status": "REQUEST_DENIED", "error_message": "The provided API key %s is invalid." % request.option("key"), "results": []})
            return self.json({"message": "Not authorized"}, 401)
        return make(request, self.find(self.line(request)))

    @staticmethod
    def json(value, status=200):
        return Response(status, json.dumps(value), content_type="application/json")

    @staticmethod
    def line(request):
        """Number and street, wherever the service wants them."""
        option = request.option
        text = option("q") or option("address") or option("street") or ""
        number = option("address_number") or option("housenumber")
        return ((number + " " if number else "") + text).split(",")[0].strip().lower()

    def find(self, line):
        return [place for place in self.places if "%s %s" % (place["number"], place["street"]) == line]

    def nominatim(self, request, places):
        ranks = {"rooftop": 30, "interpolated": 30, "street": 26, "city": 16}
        return self.json([{"place_rank": ranks[p["accuracy"]], "lat": str(p["latitude"]), "lon": str(p["longitude"]), "importance": 0.9,
                           "osm_type": "way" if p["accuracy"] == "interpolated" else "node", "category": "place", "type": "house" if ranks[p["accuracy"]] == 30 else "road",
                           "address": {**({"house_number": p["number"]} if ranks[p["accuracy"]] == 30 else {}), "road": p["street"], "town": p["city"], "state": p["state"],
                                       "postcode": p["postal_code"], "country_code": p["country"].lower()}} for p in places])

    def features(self, places, properties):
        return self.json({"type": "FeatureCollection", "features": [
            {"geometry": {"type": "Point", "coordinates": [p["longitude"], p["latitude"]]}, "properties": properties(p)} for p in places]})

    def photon(self, request, places):
        return self.features(places, lambda p: {"type": "house" if p["accuracy"] == "rooftop" else "street", "housenumber": p["number"], "postcode": p["postal_code"],
                                                "city": p["city"], "state": p["state"], "countrycode": p["country"]})

    def pelias(self, request, places):
        return self.features(places, lambda p: {"layer": "address", "accuracy": "point", "match_type": "interpolated" if p["accuracy"] == "interpolated" else "exact", "confidence": 0.6,
                                                "housenumber": p["number"], "postalcode": p["postal_code"], "locality": p["city"], "region_a": p["state"], "country_code": p["country"]})

    def google(self, request, places):
        types = {"rooftop": "ROOFTOP", "interpolated": "RANGE_INTERPOLATED", "street": "GEOMETRIC_CENTER", "city": "APPROXIMATE"}
        parts = lambda p: [{"long_name": p[name], "short_name": p[name], "types": [kind, "political"]} for name, kind in
                           (("number", "street_number"), ("street", "route"), ("city", "locality"), ("state", "administrative_area_level_1"),
                            ("country", "country"), ("postal_code", "postal_code"))]
        return self.json({"status": "OK" if places else "ZERO_RESULTS", "results": [
            {"address_components": parts(p), "geometry": {"location": {"lat": p["latitude"], "lng": p["longitude"]}, "location_type": types[p["accuracy"]]}} for p in places]})

    def mapbox(self, request, places):
        if request.option("permanent") != "true":
            return self.json({"message": "This request cannot be kept"}, 403)
        return self.features(places, lambda p: {"feature_type": "address", "coordinates": {"accuracy": p["accuracy"]}, "match_code": {"confidence": "exact"},
                                                "context": {"address": {"address_number": p["number"]}, "postcode": {"name": p["postal_code"]}, "place": {"name": p["city"]},
                                                            "region": {"name": p["state"], "region_code": p["state"]}, "country": {"country_code": p["country"]}}})

    def census(self, request, places):
        return self.json({"result": {"addressMatches": [
            {"matchedAddress": ("%s %s, %s, %s, %s" % (p["number"], p["street"], p["city"], p["state"], p["postal_code"])).upper(),
             "coordinates": {"x": p["longitude"], "y": p["latitude"]},
             "addressComponents": {"zip": p["postal_code"], "city": p["city"].upper(), "state": p["state"]}} for p in places]}})

    def opencage(self, request, places):
        return self.json({"status": {"code": 200, "message": "OK"}, "results": [
            {"confidence": 10, "geometry": {"lat": p["latitude"], "lng": p["longitude"]},
             "components": {"_type": "building", "house_number": p["number"], "road": p["street"], "town": p["city"], "state_code": p["state"],
                            "postcode": p["postal_code"], "country_code": p["country"].lower()}} for p in places]})

    def locationiq(self, request, places):
        if not places:
            return self.json({"error": "Unable to geocode"}, 404)
        return self.json([{"lat": str(p["latitude"]), "lon": str(p["longitude"]), "matchquality": {"matchcode": "exact", "matchtype": "point", "matchlevel": "building"},
                           "address": {"house_number": p["number"], "road": p["street"], "city": p["city"], "state": p["state"], "postcode": p["postal_code"],
                                       "country_code": p["country"].lower()}} for p in places])

    def geoapify(self, request, places):
        return self.json({"results": [{"lat": p["latitude"], "lon": p["longitude"], "result_type": "building", "rank": {"confidence": 1, "match_type": "full_match"},
                                       "housenumber": p["number"], "postcode": p["postal_code"], "city": p["city"], "state_code": p["state"],
                                       "country_code": p["country"].lower()} for p in places]})


ANSWERS = ("nominatim", "photon", "pelias", "google", "mapbox", "census", "opencage", "locationiq", "geoapify")
