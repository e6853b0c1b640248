# netns-tool(1) in fish: `netns-tool __complete` knows what may stand at the cursor.

function __netns_tool_complete
    command --query netns-tool; or return
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l answer (netns-tool __complete (count $before) -- $before "$current" 2>/dev/null)
    set -l kind $answer[1]
    set -e answer[1]
    switch "$kind"
        case files
            complete -C "__fish_command_without_completions $current" | string match -r -- '.*(?:/|\.toml)$'
        case folders
            __fish_complete_directories "$current"
        case command
            set -e before[1..(contains -i -- -- $before)]
            complete -C "$before $current"
    end
    string join -- \n $answer
end

complete --command netns-tool --no-files --keep-order --arguments '(__netns_tool_complete)'
