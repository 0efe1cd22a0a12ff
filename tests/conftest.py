"""Property tests look for wrong behaviour, not for slow machines."""

from hypothesis import HealthCheck, settings

settings.register_profile("sixgym", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sixgym")
