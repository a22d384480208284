#!/usr/bin/env bash
# Two people meet and talk, in curl: ./examples/tour.sh [http://127.0.0.1:8000]
set -euo pipefail

base=${1:-http://127.0.0.1:8000}
run=$(date +%s)$RANDOM # Fresh addresses, so that the tour can be repeated.

if [[ $base == -h || $base == --help ]]; then
    echo "usage: $0 [base URL of the gateway, http://127.0.0.1:8000 unless given]"
    exit
fi

# call METHOD PATH TOKEN [BODY]: print the request, send it, print the answer, keep it in $answer.
call() {
    printf '\n\033[1m%s %s\033[0m %s\n' "$1" "$2" "${4:-}"
    answer=$(curl --silent --show-error --request "$1" "$base$2" \
        ${3:+--header "Authorization: $3"} \
        ${4:+--header "Content-Type: application/json" --data "$4"})
    printf '%s\n' "$answer"
    [[ $answer == '{"code":0,'* ]] || {
        echo "The tour ends here: that was no success." >&2
        exit 1
    }
}

# field NAME: the first value of this name in the answer.
field() {
    grep -oE "\"$1\":(\"[^\"]*\"|[0-9]+)" <<<"$answer" | head -n 1 | cut -d: -f2- | tr -d '"'
}

echo "1. Alice and Bob register."
call POST /account/reg "" '{"email": "alice'"$run"'@example.com", "name": "爱丽丝", "password": "alice_1"}'
alice=$(field token) alice_id=$(field id)
call POST /account/reg "" '{"email": "bob'"$run"'@example.com", "name": "Bob", "password": "bob_1"}'
bob=$(field token) bob_id=$(field id)

echo
echo "2. Alice asks Bob to be friends. Bob looks at his requests and accepts."
call POST /add_friend "$alice" '{"target_id": '"$bob_id"', "message": "你好, Bob!"}'
call GET /friend_requests "$bob"
call POST /friend_request_handle "$bob" \
    '{"sender_user_id": '"$alice_id"', "receiver_user_id": '"$bob_id"'}'

echo
echo "3. Friends have a private conversation. Alice writes into it."
call GET /conversations "$alice"
conversation=$(field id)
call POST /conversations/messages "$alice" \
    '{"conversationId": '"$conversation"', "content": "Shall we have tea?"}'
message=$(field message_id)

echo
echo "4. Bob sees one unread message, reads it, and replies."
call GET /conversations "$bob"
[[ $(field unread_count) == 1 ]]
call GET "/conversations/messages?conversationId=$conversation" "$bob"
call POST /conversations/messages "$bob" \
    '{"conversationId": '"$conversation"', "content": "好的!", "reply_to": '"$message"'}'

echo
echo "5. Alice reads the answer."
call GET "/conversations/messages?conversationId=$conversation" "$alice"
grep -q '"reply_to":"Shall we have tea?"' <<<"$answer"

echo
echo "That was the tour. Every endpoint, to try in the browser: $base/docs"
