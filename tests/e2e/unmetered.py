"""The environment of apps whose tests ask all the time with one key: `dev`, whose keys have no throttle."""

from dataclasses import replace

from stacks.environments import DEV, ApiKeys, FrontDoor

UNMETERED = replace(DEV, front_door=FrontDoor(api_keys=ApiKeys(throttle=None)))
