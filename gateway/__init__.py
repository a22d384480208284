"""The one door to the services: it checks tokens early and passes requests on unchanged."""
