"""What the stand-in for DigitalOcean has on offer: regions, sizes and images as the API spells them."""

from __future__ import annotations

from tests.fakes.clouds.served import Thing

_REGIONS = (("nyc3", "New York 3"), ("fra1", "Frankfurt 1"), ("sgp1", "Singapore 1"))
_SIZES = (
    ("s-1vcpu-1gb", 1, 1024, 25, 6.0, "Basic"),
    ("s-1vcpu-2gb", 1, 2048, 50, 12.0, "Basic"),
    ("s-2vcpu-4gb", 2, 4096, 80, 24.0, "Basic"),
    ("c-2", 2, 4096, 25, 42.0, "CPU-Optimized"),
)
_IMAGES = (
    (129211873, "debian-12-x64", "Debian", "12 x64"),
    (155133621, "ubuntu-24-04-x64", "Ubuntu", "24.04 (LTS) x64"),
    (112929454, "ubuntu-22-04-x64", "Ubuntu", "22.04 (LTS) x64"),
)


def regions(sold_out: set[str]) -> list[Thing]:
    """Every region, with the sizes of which it has some left."""
    return [
        {
            "name": title,
            "slug": slug,
            "features": ["backups", "ipv6", "metadata", "install_agent", "storage", "image_transfer"],
            "available": True,
            "sizes": [each[0] for each in _SIZES if sold_out.isdisjoint({each[0], f"{each[0]}@{slug}"})],
        }
        for slug, title in _REGIONS
    ]


def sizes() -> list[Thing]:
    """Every size."""
    return [
        {
            "slug": slug,
            "memory": memory,
            "vcpus": vcpus,
            "disk": disk,
            "transfer": 1.0,
            "price_monthly": monthly,
            "price_hourly": round(monthly / 672, 5),
            "regions": [each[0] for each in _REGIONS],
            "available": True,
            "description": kind,
        }
        for slug, vcpus, memory, disk, monthly, kind in _SIZES
    ]


def images() -> list[Thing]:
    """Every image of the provider's own."""
    return [
        {
            "id": number,
            "name": name,
            "distribution": distribution,
            "slug": slug,
            "public": True,
            "regions": [each[0] for each in _REGIONS],
            "created_at": "2025-01-01T00:00:00Z",
            "type": "base",
            "min_disk_size": 7,
            "size_gigabytes": 0.6,
            "description": f"{distribution} {name}",
            "tags": [],
            "status": "available",
            "error_message": "",
        }
        for number, slug, distribution, name in _IMAGES
    ]
