"""Sharp widths: layer 0 coded or matched, the last hidden layer coloured after its mask is seen."""
