"""What the stand-in for Hetzner Cloud has on offer: locations, types and images as the API spells them."""

from __future__ import annotations

from tests.fakes.clouds.served import Thing

_LOCATIONS = (
    (1, "fsn1", "DE", "Falkenstein", "eu-central", 50.47612, 12.370071),
    (2, "nbg1", "DE", "Nuremberg", "eu-central", 49.452102, 11.076665),
    (3, "hel1", "FI", "Helsinki", "eu-central", 60.169855, 24.938379),
    (4, "ash", "US", "Ashburn, VA", "us-east", 39.045821, -77.487073),
)
_TYPES = (
    (104, "cx22", 2, 4, 40, "x86", "shared", "Cost-Optimized", "3.7900"),
    (105, "cx32", 4, 8, 80, "x86", "shared", "Cost-Optimized", "6.8000"),
    (22, "cpx11", 2, 2, 40, "x86", "shared", "Regular Performance", "4.3500"),
    (45, "cax11", 2, 4, 40, "arm", "shared", "Cost-Optimized", "3.7900"),
    (96, "ccx13", 2, 8, 80, "x86", "dedicated", "General Purpose", "12.4900"),
)
_IMAGES = (
    (114690387, "debian-12", "debian", "12", "x86"),
    (114690389, "debian-12", "debian", "12", "arm"),
    (161547269, "ubuntu-24.04", "ubuntu", "24.04", "x86"),
    (161547270, "ubuntu-24.04", "ubuntu", "24.04", "arm"),
    (67794396, "ubuntu-22.04", "ubuntu", "22.04", "x86"),
    (310557660, "fedora-42", "fedora", "42", "x86"),
)
# Arm and dedicated machines are not to be had everywhere.
_ABSENT = {("cax11", "ash"), ("cx22", "ash"), ("cx32", "ash")}


def locations() -> list[Thing]:
    """Every location."""
    return [
        {
            "id": number,
            "name": name,
            "description": f"{city} DC Park 1",
            "country": country,
            "city": city,
            "latitude": latitude,
            "longitude": longitude,
            "network_zone": zone,
        }
        for number, name, country, city, zone, latitude, longitude in _LOCATIONS
    ]


def types(sold_out: set[str] | None = None) -> list[Thing]:
    """Every server type, and whether there are some left; ``sold_out`` has names or ``name@location``."""
    gone = sold_out or set()
    return [
        {
            "id": number,
            "name": name,
            "description": name.upper(),
            "category": category,
            "cores": cores,
            "memory": float(memory),
            "disk": disk,
            "deprecated": False,
            "deprecation": None,
            "locations": [
                {
                    "id": each[0],
                    "name": each[1],
                    "deprecation": None,
                    "available": gone.isdisjoint({name, f"{name}@{each[1]}"}),
                    "recommended": False,
                }
                for each in _sellers(name)
            ],
            "prices": [_price(each[1], monthly) for each in _sellers(name)],
            "storage_type": "local",
            "cpu_type": cpu,
            "architecture": architecture,
        }
        for number, name, cores, memory, disk, architecture, cpu, category, monthly in _TYPES
    ]


def datacenters(sold_out: set[str]) -> list[Thing]:
    """Every data center, and of which types there are some left."""
    found = []
    for location in locations():
        supported = [each for each in types() if (each["name"], location["name"]) not in _ABSENT]
        left = [each["id"] for each in supported if each["name"] not in sold_out]
        found.append(
            {
                "id": location["id"] + 1,
                "name": f"{location['name']}-dc14",
                "description": f"{location['city']} 1 virtual DC 14",
                "location": location,
                "server_types": {
                    "supported": [each["id"] for each in supported],
                    "available": left,
                    "available_for_migration": left,
                },
            }
        )
    return found


def images() -> list[Thing]:
    """Every image of the system's own."""
    return [
        {
            "id": number,
            "type": "system",
            "status": "available",
            "name": name,
            "description": f"{flavour.title()} {version}",
            "image_size": None,
            "disk_size": 5,
            "created": "2025-01-01T00:00:00Z",
            "created_from": None,
            "bound_to": None,
            "os_flavor": flavour,
            "os_version": version,
            "rapid_deploy": True,
            "protection": {"delete": False},
            "deprecated": None,
            "deleted": None,
            "labels": {},
            "architecture": architecture,
        }
        for number, name, flavour, version, architecture in _IMAGES
    ]


def _sellers(name: str) -> list[tuple[int, str, str, str, str, float, float]]:
    return [each for each in _LOCATIONS if (name, each[1]) not in _ABSENT]


def _price(location: str, monthly: str) -> Thing:
    each_hour = f"{float(monthly) / 624:.4f}"
    gross = {"price_hourly": f"{float(each_hour) * 1.19:.4f}", "price_monthly": f"{float(monthly) * 1.19:.4f}"}
    return {
        "location": location,
        "price_hourly": {"net": each_hour, "gross": gross["price_hourly"]},
        "price_monthly": {"net": monthly, "gross": gross["price_monthly"]},
        "included_traffic": 20 << 40,
        "price_per_tb_traffic": {"net": "1.0000", "gross": "1.1900"},
    }


def pricing() -> Thing:
    """What everything costs."""
    cost = {"net": "0.5000", "gross": "0.5950"}
    return {
        "currency": "EUR",
        "vat_rate": "19.000000",
        "floating_ip": {"price_monthly": cost},
        "floating_ips": [],
        "image": {"price_per_gb_month": cost},
        "load_balancer_types": [],
        "primary_ips": [{"type": "ipv4", "prices": [_address_price(each["name"]) for each in locations()]}],
        "server_backup": {"percentage": "20.000000"},
        "server_types": [{name: each[name] for name in ("id", "name", "prices")} for each in types()],
        "volume": {"price_per_gb_month": cost},
    }


def _address_price(location: str) -> Thing:
    hourly = {"net": "0.0008", "gross": "0.0010"}
    return {"location": location, "price_hourly": hourly, "price_monthly": {"net": "0.5000", "gross": "0.5950"}}
