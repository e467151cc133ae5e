"""Whether what was acknowledged is still there: after kills, power cuts and failing disks."""
