"""Pictures in and out of files: stills, videos, sound; ffmpeg for what moves, PNG by ourselves.

A frame is uint8 (H, W, 3) in RGB order, and the room knows nothing of plans, models or runs.

    stills    PNG with texts inside, written whole      writer    frames into a video through a pipe, sound under them
    reader    what is in a video, its frames in turn    codecs    the one table of encodings
    ffmpeg    the program, and a child that is heard    metadata  texts inside a video file
    atomic    files that appear whole or not at all

ffmpeg is started by ourselves, never through a shell and never by `imageio-ffmpeg`'s writer, which closes without a
word when its child has failed: every child is asked for its exit status, its last words are in the error, and it may
open files only. It does not hear the terminal's Ctrl-C, so that a video can still be ended well.

To add an encoding is to add a row to `codecs.CODECS`; the tests run over the whole table (every frame, order, colour,
rate, odd sizes, texts, sound).
"""
