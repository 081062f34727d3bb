"""From numbers to moved pictures.

    matrix     the 2D motion of a frame as a 3×3 matrix
    warp       a picture seen through a matrix → Warped(picture, coverage); `move` the picture alone
    camera     where the camera stands and what it sees, in 3D
    space      a picture seen by a camera that has moved, by depth → Warped
    flow       optical flow, its consistency, a picture moved by it
    follow     the motion of a film as a matrix                  raft    optical flow by a network, an extra
    stereo     a second eye                                      resample   a picture read between its pixels

Conventions, settled here and nowhere else: matrices are float64, map an old pixel to its new one, `(x, y, 1)` with the
first pixel's centre at 0, and compose with `@`; any number of moves is one product and *one* resampling, because each
resampling costs sharpness. Angles are degrees in the plan and radians only inside these functions. `coverage` is 1
where the source was inside the picture and 0 where it had never been seen; holes to paint and masks build on it.
"""
