"""The first load of as many listings as the server has: processor time for each, by one process.
The least of several; the last line is the figure alone, for sizes.sh."""
from bench import REPEATS, psql, set_up, spent, subscribe, sync

set_up()
psql("ALTER SERVER bench OPTIONS (ADD workers '1')")
times = []
for _ in range(REPEATS):
    subscribe()
    times.append(spent(sync)[1])
listings = int(psql('SELECT count(*) FROM bronze.bench_property'))
print(f'{min(times) / listings * 1e6:.1f}')
