"""What TRUEEDGE claims about speed, measured: `python3 dev.py bench [read] [append] [late] [http] [coldstart]`.

Every claim is a ratio of two things measured alternately in one run on one machine, or stands beside such a reference;
the data is fixed (data.py). `--trades N` takes fewer trades for a quick look, `--save` writes the outcome to results/.
"""
