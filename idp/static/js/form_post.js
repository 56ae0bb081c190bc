// OAuth 2.0 Form Post Response Mode: sends the answer to the client; without scripting the button does.
document.getElementById("form-post").submit();
