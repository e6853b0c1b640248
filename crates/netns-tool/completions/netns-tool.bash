# netns-tool(1) in bash: `netns-tool __complete` knows what may stand at the cursor.

_netns_tool() {
    # Readline takes `:` and `=` for ends of words; here they are parts of words. `prefix` is what of the last word
    # readline does not replace.
    local line=${COMP_LINE:0:COMP_POINT} words=() prefix='' piece='' blank index=-1 at
    for ((at = 0; at <= COMP_CWORD; at++)); do
        blank=${line%%[![:blank:]]*}
        line=${line#"$blank"}
        piece=${COMP_WORDS[at]}
        if ((at == COMP_CWORD)); then
            piece=$line
        fi
        line=${line#"$piece"}
        if ((at == 0)) || [[ -n $blank ]]; then
            prefix=''
            index=$((index + 1))
        fi
        words[index]=$prefix$piece
        prefix+=$piece
    done
    # The last word is quoted as it was typed, and a lone separator is not replaced.
    piece=${piece#[\"\']}
    if [[ $piece == [:=] ]]; then
        piece=''
    fi
    prefix=${prefix%"$piece"}
    words[index]=${words[index]#[\"\']}
    prefix=${prefix#[\"\']}

    local answer=() candidate
    mapfile -t answer < <(netns-tool __complete "$index" -- "${words[@]}" 2>/dev/null)
    COMPREPLY=()
    for candidate in "${answer[@]:1}"; do
        candidate=${candidate%%$'\t'*}
        COMPREPLY+=("${candidate#"$prefix"}")
    done
    piece=${piece//\\/}
    case ${answer[0]-} in
        files)
            compopt -o filenames 2>/dev/null
            mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -X '!*.toml' -- "$piece"; compgen -d -- "$piece")
            ;;
        folders)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -d -- "$piece")
            ;;
        command)
            for ((at = 1; at < COMP_CWORD; at++)); do
                [[ ${COMP_WORDS[at]} == -- ]] && break
            done
            if declare -F _comp_command_offset >/dev/null; then
                _comp_command_offset $((at + 1))
            elif declare -F _command_offset >/dev/null; then
                _command_offset $((at + 1))
            elif ((COMP_CWORD == at + 1)); then
                mapfile -t COMPREPLY < <(compgen -c -- "$piece")
            else
                compopt -o filenames 2>/dev/null
                mapfile -t COMPREPLY < <(compgen -f -- "$piece")
            fi
            ;;
    esac
}

complete -o nosort -F _netns_tool netns-tool
