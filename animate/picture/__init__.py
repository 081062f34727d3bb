"""Pure operations on pictures: arrays in, arrays out.

A picture is `torch.float32 (C, H, W)`, RGB in [0, 1], on the render device. It stays float from the first frame to the
last, so that 240 rounds of feedback never quantise it (Deforum loses half a grey level at every warp); 8 bits and
OpenCV's BGR order exist only in `convert`, at the edge.

    convert   8-bit arrays, files, sizes             color    matching, grading
    noise     seeded fields and their blending       sharpen  unsharp mask
    blur      separable filters                      border   what lies outside the picture
    mask      grow, feather                          spaces  colour spaces
    focus     a lens's blur by depth                 holes    what was never seen
    threads   strips of a picture, side by side      compiled  loops over pixels, in machine code
    device    where pictures are worked on

What differs only by name sits in a dict next to its siblings (`color.MATCHERS`, `noise.NOISES`, `border.FOLDS`): a new
one is one function like the others and one line, and the tests run over the whole dict. Randomness always comes in as a
generator seeded by (seed, frame, purpose) and is drawn on the CPU, so that every device draws the same.

On the CPU compiled loops and OpenCV do the work, elsewhere torch; both agree to 1e-5, warps to 1e-3.
"""
