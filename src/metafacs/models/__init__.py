"""Networks without training logic: backbones, the base net, the meta net that weighs samples."""
