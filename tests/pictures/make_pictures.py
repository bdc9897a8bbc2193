"""Makes the pictures that no crate of ours can write. Needs Pillow and NumPy; the pictures are random, and ours.

    python tests/pictures/make_pictures.py
"""

from pathlib import Path

import numpy as np
from PIL import Image

generator = np.random.default_rng(0)
coarse = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
picture = Image.fromarray(coarse).resize((64, 64), Image.BICUBIC)
folder = Path(__file__).parent
picture.save(folder / "restart.jpg", quality=75, subsampling=0, restart_marker_blocks=4)
picture.save(folder / "progressive.jpg", quality=75, subsampling=2, progressive=True, restart_marker_blocks=3)
