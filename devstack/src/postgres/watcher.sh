# Runs one program of PostgreSQL and ends it when standard input closes. Only the process that started us holds the
# other end, and the system closes it however that process ends: this is why no server outlives its parent, even one
# killed with SIGKILL. Every line read before that is the name of a signal for the program.
#
# Arguments: the folder to remove when standard input has closed, or an empty word; then the program's command.

remove=$1
shift
exec 3<&0 </dev/null
"$@" 3<&- &
postgres=$!
# The log is the program's. What the shell would remark on ended children is of no use there.
exec >/dev/null 2>&1

(
    while read -r signal <&3; do
        kill -s "$signal" "$postgres"
    done
    # From here on this part must run to its end, so the TERM below no longer ends it.
    trap '' TERM
    # INT is a server's fast shutdown, QUIT its immediate one; each has ten seconds.
    for signal in INT QUIT KILL; do
        kill -s "$signal" "$postgres" || break
        tries=100
        while [ "$tries" -gt 0 ] && kill -s 0 "$postgres"; do
            sleep 0.1
            tries=$((tries - 1))
        done
    done
    [ -z "$remove" ] || rm -rf -- "$remove"
) &
lifeline=$!

wait "$postgres"
status=$?
# The program has ended, by our doing or its own: nobody is left to signal, and nobody may stay behind.
kill -s TERM "$lifeline"
wait "$lifeline"
exit "$status"
